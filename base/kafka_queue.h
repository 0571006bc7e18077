/*
 * kafka_queue.h - wakes the event loop when a librdkafka queue has something.
 *
 * librdkafka works in threads of its own and signals a file descriptor when a queue turns from empty to not
 * empty; whoever is woken has to read the queue until it is empty, or come back by itself. The first wake-up
 * comes without an event.
 */
#ifndef BASE_KAFKA_QUEUE_H
#define BASE_KAFKA_QUEUE_H

#include <librdkafka/rdkafka.h>
#include <uv.h>

struct kafka_queue {
    uv_poll_t poll;
    int fd; /* an eventfd */
    void (*wake)(void *arg);
    void *arg;
};

/* NULL is never returned. Takes over `queue`'s wake-ups; the caller keeps the queue. */
struct kafka_queue *kafka_queue_watch(uv_loop_t *loop, rd_kafka_queue_t *queue, void (*wake)(void *arg),
                                      void *arg);

/* NULL is fine. `queue` must still exist. */
void kafka_queue_unwatch(struct kafka_queue *watch, rd_kafka_queue_t *queue);

#endif
