#include "base/kafka_leaving.h"

#include <stdlib.h>

#include "base/memory.h"

#define LOOK_MS 10

struct kafka_leaving {
    struct kafka_leaving *next;
    rd_kafka_t *kafka;
    rd_kafka_queue_t *queue; /* what it still has to say */
};

/* Records that it had fetched are dropped. */
static void take_events(rd_kafka_t *kafka, rd_kafka_queue_t *queue, int wait_ms)
{
    for (rd_kafka_event_t *event; (event = rd_kafka_queue_poll(queue, wait_ms)); wait_ms = 0) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) {
            (void)rd_kafka_assign(kafka, NULL);
        }
        rd_kafka_event_destroy(event);
    }
}

/* True: it has left. That it has is not an event: the queue would be waited for to the end. */
static bool serve(rd_kafka_t *kafka, rd_kafka_queue_t *queue, int wait_ms)
{
    take_events(kafka, queue, 0);
    for (int waited_ms = 0; !rd_kafka_consumer_closed(kafka) && waited_ms < wait_ms; waited_ms += LOOK_MS) {
        take_events(kafka, queue, LOOK_MS);
    }
    return rd_kafka_consumer_closed(kafka);
}

static void forget(struct kafka_leaving **at)
{
    struct kafka_leaving *gone = *at;
    *at = gone->next;
    rd_kafka_queue_destroy(gone->queue);
    free(gone);
}

bool kafka_leave(struct kafka_leaving **leaving, rd_kafka_t *kafka, int wait_ms)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
    rd_kafka_error_t *failure = rd_kafka_consumer_close_queue(kafka, queue);
    if (failure || serve(kafka, queue, wait_ms)) { /* it fails when a fatal error has closed it */
        if (failure) {
            rd_kafka_error_destroy(failure);
        }
        rd_kafka_queue_destroy(queue);
        return true;
    }
    struct kafka_leaving *one = NEW(struct kafka_leaving);
    *one = (struct kafka_leaving){.next = *leaving, .kafka = kafka, .queue = queue};
    *leaving = one;
    return false;
}

void kafka_leaving_serve(struct kafka_leaving **leaving)
{
    while (*leaving) {
        if (serve((*leaving)->kafka, (*leaving)->queue, 0)) {
            forget(leaving);
        } else {
            leaving = &(*leaving)->next;
        }
    }
}

void kafka_leaving_release(struct kafka_leaving **leaving)
{
    while (*leaving) {
        forget(leaving);
    }
}
