/*
 * librdkafka counts by atomic operations, which TSan does not see, who still reads a piece that it has
 * fetched. Whoever gives the last record of it back frees the piece, which would look like a race with those
 * who read it before. So TSan is told: who gives a record back is done with its piece, and who frees a piece
 * comes after them.
 */
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdint.h>

/* compiler-rt: tsan_interface.h, allocator_interface.h, tsan_debugging.cpp */
void __tsan_acquire(void *address);
void __tsan_release(void *address);
const char *__tsan_locate_address(uintptr_t address, char *name, size_t size, uintptr_t *ret_begin,
                                  size_t *ret_size);
void __sanitizer_free_hook(const volatile void *block);

static void done_with(const void *bytes)
{
    char name[16];
    uintptr_t begin = 0;
    size_t size = 0;
    if (bytes) {
        (void)__tsan_locate_address((uintptr_t)bytes, name, sizeof name, &begin, &size);
    }
    if (begin) {
        __tsan_release((void *)begin);
    }
}

typedef void message_destroy_fn(rd_kafka_message_t *record);

void rd_kafka_message_destroy(rd_kafka_message_t *record)
{
    message_destroy_fn *next = (message_destroy_fn *)(uintptr_t)dlsym(RTLD_NEXT, "rd_kafka_message_destroy");
    done_with(record->payload);
    done_with(record->key);
    next(record);
}

/* Called by TSan before each free(). */
void __sanitizer_free_hook(const volatile void *block)
{
    __tsan_acquire((void *)(uintptr_t)block);
}
