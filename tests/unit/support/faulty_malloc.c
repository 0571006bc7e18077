#include "support/faulty_malloc.h"

#include <errno.h>

/* glibc's own, for who comes before it ("Replacing malloc" in its manual). */
void *__libc_malloc(size_t size);                 // NOLINT(bugprone-reserved-identifier)
void *__libc_calloc(size_t count, size_t size);   // NOLINT(bugprone-reserved-identifier)
void *__libc_realloc(void *pointer, size_t size); // NOLINT(bugprone-reserved-identifier)
void __libc_free(void *pointer);                  // NOLINT(bugprone-reserved-identifier)

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *pointer, size_t size);
void free(void *pointer);

static _Thread_local size_t until_failure;
static _Thread_local bool failed;
static _Thread_local size_t living;

void malloc_fails_at(size_t number)
{
    until_failure = number;
    failed = false;
}

bool malloc_has_failed(void)
{
    return failed;
}

size_t malloc_count(void)
{
    return living;
}

static bool fails_now(void)
{
    if (until_failure == 0 || --until_failure > 0) {
        return false;
    }
    failed = true;
    errno = ENOMEM;
    return true;
}

static void *counted(void *pointer)
{
    living += pointer != NULL;
    return pointer;
}

void *malloc(size_t size)
{
    return fails_now() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *pointer, size_t size)
{
    if (!pointer) {
        return malloc(size);
    }
    if (size == 0) {
        free(pointer);
        return NULL;
    }
    return fails_now() ? NULL : __libc_realloc(pointer, size);
}

void free(void *pointer)
{
    living -= pointer != NULL;
    __libc_free(pointer);
}
