#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void memory_stop(void)
{
    static const char words[] = "outbound: out of memory\n";
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    abort();
}

static void *or_stop(void *pointer)
{
    if (!pointer) {
        memory_stop();
    }
    return pointer;
}

void *memory_alloc(size_t size)
{
    return or_stop(malloc(size ? size : 1));
}

void *memory_new(size_t size)
{
    return memory_new_array(size, 1);
}

void *memory_new_array(size_t count, size_t size)
{
    return or_stop(count && size ? calloc(count, size) : calloc(1, 1));
}

void *memory_resize(void *pointer, size_t size)
{
    return or_stop(realloc(pointer, size ? size : 1));
}

char *memory_strdup(const char *text)
{
    return or_stop(strdup(text));
}
