/*
 * ingest.h - takes new messages in.
 */
#ifndef PRODUCER_INGEST_H
#define PRODUCER_INGEST_H

#include "producer/producer.h"
#include "producer/relay.h"
#include "schemas/new_message.h"

/* A message between its request and the answer to it; lives in the request's arena. */
struct pending {
    struct pending *next;
    struct api_request *request;
    struct new_message message;
    int tries;
};

struct ingest *ingest_new(struct producer *producer);
void ingest_free(struct ingest *ingest);

bool ingest_database_is_up(const struct ingest *ingest);

/* Handles POST …/messages. */
void ingest_message(struct api_request *request);

/* Where the committer gets its batches from and says what became of each message (see ingest_path.c). */
struct pending *ingest_next_batch(struct ingest *ingest, size_t most, size_t *ret_count);
void ingest_stored(struct ingest *ingest, struct pending *pending, int64_t outbox_id);
void ingest_repeated(struct ingest *ingest, struct pending *pending, const char *id, const char *status);
void ingest_conflicting(struct ingest *ingest, struct pending *pending);
void ingest_not_stored(struct ingest *ingest, struct pending *pending, const char *why);
void ingest_database_gone(struct ingest *ingest);
void ingest_impossible(struct ingest *ingest, struct pending *pending, const char *why);

#endif
