/*
 * kafka_producer.h - publishes records and says what became of each.
 *
 * Few records need an order, so a record's key does not choose its partition unless that is asked for (see
 * kafka_producer.c); otherwise it is there for people and for other tools.
 *
 * The records of one turn of the loop go out together, at once while there are few and in bursts up to 10 ms
 * apart while there are many (pace.h): a broker pays for requests more than for records.
 *
 * Idempotent, acks=all. Only a record's own delivery report says that it is published; there is no flush that
 * could say so (see rd_kafka_flush() in librdkafka 2.0.2, which succeeds for records the broker refused).
 */
#ifndef BASE_KAFKA_PRODUCER_H
#define BASE_KAFKA_PRODUCER_H

#include <stdint.h>
#include <uv.h>

#include "base/kafka.h"

struct kafka_producer;

/* On the loop. `reason` is NULL when the record is durable in Kafka. */
typedef void kafka_delivery_fn(void *arg, uint64_t ticket, const char *reason);

struct kafka_producer_options {
    struct kafka_options kafka;
    unsigned message_timeout_ms; /* after that a record not acknowledged is reported as failed */
    bool opens_later;            /* the first client, too, is opened by kafka_producer_reopen() */
    kafka_delivery_fn *on_delivery;
    void *arg;
};

/* NULL, with the reason, when a property is wrong. That no broker answers yet is not an error. */
MUST_CHECK struct kafka_producer *
kafka_producer_open(uv_loop_t *loop, const struct kafka_producer_options *options, struct error *error);

struct kafka_record_out {
    const char *topic;
    const void *key;
    size_t key_length;
    const void *value;
    size_t value_length;
    const struct kafka_header *headers; /* ended by a NULL name; may be NULL */
    bool by_key;                        /* the key chooses the partition (CRC-32, librdkafka: consistent) */
    uint64_t ticket;                    /* comes back with the delivery report; the highest bit is ours */
};

/*
 * Copies the record. False: the client is being replaced; nothing was taken. That librdkafka does not take
 * it, as its queue is full or the topic is gone, is reported like any other failure.
 */
MUST_CHECK bool kafka_producer_send(struct kafka_producer *producer, const struct kafka_record_out *record);

/* Records taken and not reported yet. */
size_t kafka_producer_in_flight(const struct kafka_producer *producer);

/* Whether at least one broker is connected, as librdkafka last told (every second). */
bool kafka_producer_is_connected(const struct kafka_producer *producer);

/* Whether one ever was. */
bool kafka_producer_was_connected(const struct kafka_producer *producer);

/* Why the brokers refuse us, or we refuse them (see kafka_trouble.h); NULL when that is not what is wrong. */
const char *kafka_producer_refused(const struct kafka_producer *producer);

/*
 * Goes on with a new client in the loop's next turn; what is in flight is reported as failed, be it
 * acknowledged. For a cluster that was made anew: it hands out the producer ids of the old one again, and a
 * record whose id and sequence number another producer has used is acknowledged as a repetition and not
 * written. NULL is fine.
 */
void kafka_producer_reopen(struct kafka_producer *producer);

/* Reports what is in flight as failed and frees. NULL is fine. */
void kafka_producer_close(struct kafka_producer *producer);

#endif
