#include "base/library_memory.h"

#include <avro.h>
#include <curl/curl.h>
#include <jansson.h>
#include <libxml/xmlmemory.h>
#include <stdlib.h>
#include <uv.h>

#include "base/memory.h"

/* Size 0 frees, and then NULL is no failure. */
static void *avro_resize(void *arg, void *pointer, size_t old_size, size_t size)
{
    (void)arg;
    (void)old_size;
    if (size == 0) {
        free(pointer);
        return NULL;
    }
    return memory_resize(pointer, size);
}

void library_memory_set(void)
{
    json_set_alloc_funcs(memory_alloc, free);
    avro_set_allocator(avro_resize, NULL);
    (void)xmlMemSetup(free, memory_alloc, memory_resize, memory_strdup); /* never fails with all four */
    (void)uv_replace_allocator(memory_alloc, memory_resize, memory_new_array, free); /* the same */
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, memory_alloc, free, memory_resize, memory_strdup,
                             memory_new_array) != CURLE_OK) {
        abort();
    }
}
