/*
 * ingest.h - takes new messages in: those of callers, and what we tell an operator ourselves (alerts.h).
 */
#ifndef PRODUCER_INGEST_H
#define PRODUCER_INGEST_H

#include "producer/producer.h"
#include "schemas/store.h"

struct ingest_item;

/* What became of an item, as struct store_answers tells it. */
struct ingest_end {
    enum { INGEST_STORED, INGEST_REPEATED, INGEST_CONFLICTING, INGEST_NOT_STORED, INGEST_IMPOSSIBLE } result;
    const char *id;     /* of a message that is stored, now or before */
    const char *status; /* its status */
    const char *why;    /* of one that is not */
};

/* A message on its way into the store; belongs to who made it, once it has ended. */
struct ingest_item {
    struct store_item stored;
    struct api_request *request; /* that brings it */
    void (*on_end)(struct ingest_item *item, const struct ingest_end *end);
};

struct store *ingest_open(struct producer *producer);

/* Handles POST …/messages. */
void ingest_message(struct api_request *request);

/* Whether the request brings JSON of a size that is read; else it is answered. */
MUST_CHECK bool ingest_takes_body(struct api_request *request);

/* Whether the database is there, and has said what has to be known before a record is published (relay.h). */
bool ingest_is_up(const struct producer *producer);

/* Why nothing can be stored now; NULL: it can. */
const char *ingest_obstacle(const struct producer *producer);

/*
 * Stores a message that has passed new_message_check(), in the trace of its request, and publishes it. Never
 * ends it from within the call.
 */
void ingest_add(struct ingest_item *item);

#endif
