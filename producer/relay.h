/*
 * relay.h - publishes what the outbox holds.
 *
 * A row is published by the process that committed it, at once and from memory. Rows whose time has come, or
 * that a process left behind, are taken from the table. Either way the row is deleted only when Kafka has
 * acknowledged the record; a second record of the same row is possible and harmless (see lifecycle_claim).
 */
#ifndef PRODUCER_RELAY_H
#define PRODUCER_RELAY_H

#include <stdint.h>

#include "producer/producer.h"
#include "schemas/deadletter.h"
#include "schemas/letter_record.h"
#include "schemas/reference.h"

struct relay_record {
    int64_t outbox_id;
    const char *topic;
    struct reference reference;
    struct text ordering_key; /* NULL bytes: the message's id is the record's key */
    struct text correlation_id;
    struct trace_context trace;
    int64_t due_at_ms;                  /* Unix time, for a retry tier; 0: at once */
    struct deadletter why;              /* of a dead letter, for its headers; else all zero */
    const struct letter_record *letter; /* and its value; NULL: the value is the reference */
};

/* NULL, with the reason, when Kafka's settings are wrong. */
MUST_CHECK struct relay *relay_new(struct producer *producer, struct error *error);
void relay_free(struct relay *relay);

/* Copies the record. When it cannot be published now, its row is taken again once its lease is over. */
void relay_publish(struct relay *relay, const struct relay_record *record);

/* Goes on with a new client (kafka_producer_reopen), which is opened when `rebuilds` are known. */
void relay_reopen_kafka(struct relay *relay, int64_t rebuilds);

/* That has happened: what is published can also be deleted. Until then no row is taken. */
bool relay_is_open(const struct relay *relay);

/* Takes no more rows. */
void relay_stop(struct relay *relay);

/* Nothing in flight to Kafka, no row waiting to be deleted that can be. */
bool relay_is_idle(const struct relay *relay);

bool relay_kafka_is_connected(const struct relay *relay);
bool relay_kafka_was_connected(const struct relay *relay);

/* Why Kafka and we do not come together: a password, a certificate, …; NULL when it is nothing of the kind.
 */
const char *relay_kafka_refused(const struct relay *relay);

#endif
