#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_stop(void *pointer)
{
    if (!pointer) {
        (void)fputs("outbound: out of memory\n", stderr);
        abort();
    }
    return pointer;
}

void *memory_new(size_t size)
{
    return or_stop(calloc(1, size ? size : 1));
}

void *memory_resize(void *pointer, size_t size)
{
    return or_stop(realloc(pointer, size ? size : 1));
}

char *memory_strdup(const char *text)
{
    return or_stop(strdup(text));
}
