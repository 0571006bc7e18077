#include "base/kafka_queue.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct kafka_queue *watch = poll->data;
    (void)status;
    (void)events;
    uint64_t count;
    if (read(watch->fd, &count, sizeof count) > 0) {
        watch->wake(watch->arg);
    }
}

struct kafka_queue *kafka_queue_watch(uv_loop_t *loop, rd_kafka_queue_t *queue, void (*wake)(void *arg),
                                      void *arg)
{
    struct kafka_queue *watch = NEW(struct kafka_queue);
    *watch = (struct kafka_queue){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .wake = wake, .arg = arg};
    if (watch->fd < 0) {
        abort(); /* out of descriptors while starting */
    }
    uv_poll_init(loop, &watch->poll, watch->fd);
    watch->poll.data = watch;
    uv_poll_start(&watch->poll, UV_READABLE, on_readable);
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, watch->fd, &one, sizeof one);
    /* What came before is not told, nor what comes behind it until the queue was empty: look once. */
    if (write(watch->fd, &one, sizeof one) < 0) {
        abort();
    }
    return watch;
}

static void on_closed(uv_handle_t *handle)
{
    struct kafka_queue *watch = handle->data;
    close(watch->fd);
    free(watch);
}

void kafka_queue_unwatch(struct kafka_queue *watch, rd_kafka_queue_t *queue)
{
    if (watch) {
        rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
        uv_close((uv_handle_t *)&watch->poll, on_closed);
    }
}
