#include "producer/committer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "producer/ingest.h"
#include "schemas/lifecycle.h"
#include "schemas/topics.h"

#define PARAMS_MAX ((size_t)256 * 1024 * 1024)
#define TRIES_MAX 3
#define UNIQUE_VIOLATION "23505"
#define REPEATS_EXPECTED_MS 1000

/* Messages that go into one transaction. When the database refuses it, the halves are tried apart. */
struct batch {
    struct batch *next;
    struct pending *first;
    size_t count;
    bool some; /* some of them are there already */
};

struct committer {
    struct producer *producer;
    struct ingest *ingest;
    struct pg *pg;
    struct pg_params params;
    struct batch *current;
    struct batch *halves;     /* of refused batches; they go first */
    int64_t repeats_until_ms; /* one repetition seldom comes alone: until then they are expected */
};

static void on_up(void *arg)
{
    committer_start(arg);
}

struct committer *committer_new(struct producer *producer, struct ingest *ingest)
{
    struct committer *committer = NEW(struct committer);
    committer->producer = producer;
    committer->ingest = ingest;
    pg_params_init(&committer->params, PARAMS_MAX);
    committer->pg =
        pg_open(&producer->service.loop,
                &(struct pg_options){.url = producer->config->database_url,
                                     .application_name = "outbound producer ingest",
                                     .timeout_ms = (unsigned)producer->config->database_timeout_ms,
                                     .on_up = on_up,
                                     .arg = committer});
    return committer;
}

void committer_free(struct committer *committer)
{
    pg_close(committer->pg);
    pg_params_release(&committer->params);
    free(committer);
}

bool committer_is_up(const struct committer *committer)
{
    return pg_is_up(committer->pg);
}

static void text_column(struct pg_params *params, const struct pending *first, size_t offset,
                        enum pg_type type)
{
    pg_array_begin(params, type);
    for (const struct pending *pending = first; pending; pending = pending->next) {
        const struct text *text =
            (const struct text *)(const void *)((const char *)&pending->message + offset);
        pg_array_bytes(params, text->bytes, text->length);
    }
    pg_array_end(params);
}

#define TEXT_COLUMN(params, first, member) \
    text_column(params, first, offsetof(struct new_message, member), PG_TEXT)

static void id_column(struct pg_params *params, const struct pending *first)
{
    pg_array_begin(params, PG_UUID);
    for (const struct pending *pending = first; pending; pending = pending->next) {
        pg_array_uuid(params, &pending->message.id);
    }
    pg_array_end(params);
}

/* The parameters of lifecycle_insert, in its order. */
static void insert_params(struct committer *committer, const struct pending *first)
{
    struct pg_params *params = &committer->params;
    const struct config *config = committer->producer->config;
    pg_params_clear(params);
    id_column(params, first);
    TEXT_COLUMN(params, first, org_id);
    pg_array_begin(params, PG_INT8);
    for (const struct pending *pending = first; pending; pending = pending->next) {
        pg_array_int8(params, pending->message.dossier_id);
    }
    pg_array_end(params);
    TEXT_COLUMN(params, first, channel_name);
    TEXT_COLUMN(params, first, priority);
    TEXT_COLUMN(params, first, to);
    TEXT_COLUMN(params, first, template_code);
    TEXT_COLUMN(params, first, subject);
    text_column(params, first, offsetof(struct new_message, payload), PG_JSON);
    TEXT_COLUMN(params, first, correlation_id);
    TEXT_COLUMN(params, first, idempotency_key);
    pg_array_begin(params, PG_BYTEA);
    for (const struct pending *pending = first; pending; pending = pending->next) {
        const struct new_message *message = &pending->message;
        pg_array_bytes(params, message->has_request_hash ? (const char *)message->request_hash : NULL,
                       sizeof message->request_hash);
    }
    pg_array_end(params);
    pg_array_begin(params, PG_TIMESTAMPTZ);
    for (const struct pending *pending = first; pending; pending = pending->next) {
        if (pending->message.expires_at_us) {
            pg_array_timestamp(params, pending->message.expires_at_us);
        } else {
            pg_array_null(params);
        }
    }
    pg_array_end(params);
    pg_param_int4(params, (int32_t)config->max_attempts);
    pg_param_text(params, topic_name(TOPIC_ACCEPTED));
    pg_param_int8(params, config->outbox_lease_ms);
}

static bool same_hash(const struct new_message *message, const char *hex)
{
    char ours[2 * REQUEST_HASH_SIZE + 1];
    for (size_t i = 0; i < REQUEST_HASH_SIZE; i++) {
        (void)snprintf(ours + 2 * i, 3, "%02x", message->request_hash[i]);
    }
    return strcmp(ours, hex) == 0;
}

/* Answers with what stands in the database: the same request, or another one under the same name. */
static void on_conflicts(void *arg, struct pg_reply *reply)
{
    struct batch *batch = arg;
    struct ingest *ingest = batch->first->request->producer->ingest;
    int row = 0;
    int position = 1;
    for (struct pending *pending = batch->first, *next; pending; pending = next, position++) {
        next = pending->next;
        if (reply->outcome != PG_DONE) {
            ingest_not_stored(ingest, pending, "The database went away.");
        } else if (row == PQntuples(reply->rows) || pg_int(reply->rows, row, 0) != position) {
            /* What it collided with is gone again: archived or erased in this very moment. */
            ingest_not_stored(ingest, pending, "Try again.");
        } else {
            const char *id = PQgetvalue(reply->rows, row, 1);
            const char *org = PQgetvalue(reply->rows, row, 2);
            const char *hash = PQgetvalue(reply->rows, row, 3);
            const char *status = PQgetvalue(reply->rows, row, 4);
            const struct text ours = pending->message.org_id;
            if (strlen(org) == ours.length && memcmp(org, ours.bytes, ours.length) == 0 &&
                same_hash(&pending->message, hash)) {
                ingest_repeated(ingest, pending, id, status);
            } else {
                ingest_conflicting(ingest, pending);
            }
            row++;
        }
    }
    free(batch);
}

static void resolve_conflicts(struct committer *committer, struct pending *first, size_t count)
{
    struct batch *batch = NEW(struct batch);
    *batch = (struct batch){.first = first, .count = count};
    struct pg_params *params = &committer->params;
    pg_params_clear(params);
    id_column(params, first);
    TEXT_COLUMN(params, first, org_id);
    TEXT_COLUMN(params, first, idempotency_key);
    if (!pg_call(committer->pg, &lifecycle_find_conflicts, params, on_conflicts, batch)) {
        struct pg_reply lost = {.outcome = PG_LOST};
        on_conflicts(batch, &lost);
    }
}

/* The rows that come back are the new messages, in our order; what is missing between them collided. */
static void batch_stored(struct committer *committer, struct batch *batch, PGresult *rows)
{
    struct pending *collided = NULL;
    struct pending **collided_end = &collided;
    size_t collided_count = 0;
    int row = 0;
    for (struct pending *pending = batch->first, *next; pending; pending = next) {
        next = pending->next;
        struct uuid id;
        const bool stored = row < PQntuples(rows) &&
                            uuid_parse(PQgetvalue(rows, row, 0), (size_t)PQgetlength(rows, row, 0), &id) &&
                            memcmp(&id, &pending->message.id, sizeof id) == 0;
        if (stored) {
            ingest_stored(committer->ingest, pending, pg_int(rows, row++, 1));
        } else {
            pending->next = NULL;
            *collided_end = pending;
            collided_end = &pending->next;
            collided_count++;
        }
    }
    if (collided) {
        resolve_conflicts(committer, collided, collided_count);
    }
}

static void push_half(struct committer *committer, struct pending *first, size_t count)
{
    struct batch *half = NEW(struct batch);
    *half = (struct batch){.next = committer->halves, .first = first, .count = count, .some = true};
    committer->halves = half;
}

static bool sqlstate_is(const struct pg_reply *reply, const char *class)
{
    return strncmp(reply->sqlstate, class, 2) == 0;
}

static void halve(struct committer *committer, struct batch *batch)
{
    struct pending *last_of_first = batch->first;
    for (size_t i = 1; i < batch->count / 2; i++) {
        last_of_first = last_of_first->next;
    }
    push_half(committer, last_of_first->next, batch->count - batch->count / 2);
    last_of_first->next = NULL;
    push_half(committer, batch->first, batch->count / 2);
}

/*
 * The database refused a transaction. One message can be to blame that passed our own checks (classes 22,
 * 23), and a deadlock with another producer can be (40): halving finds the one and gets around the other.
 * Anything else is the database's trouble and passes.
 */
static void batch_refused(struct committer *committer, struct batch *batch, const struct pg_reply *reply)
{
    if (!batch->some && strcmp(reply->sqlstate, UNIQUE_VIOLATION) == 0) {
        committer->repeats_until_ms = clock_monotonic_ms() + REPEATS_EXPECTED_MS;
        push_half(committer, batch->first, batch->count); /* whole, and by the other statement */
        return;
    }
    const bool data = sqlstate_is(reply, "22") || sqlstate_is(reply, "23");
    const bool deadlock = sqlstate_is(reply, "40");
    if ((data || deadlock) && batch->count > 1) {
        halve(committer, batch);
    } else if (deadlock && ++batch->first->tries < TRIES_MAX) {
        push_half(committer, batch->first, 1);
    } else if (data) {
        log_error("the database refused a message that had passed all checks (%s): %s", reply->sqlstate,
                  reply->message);
        ingest_impossible(committer->ingest, batch->first, "The database refused it.");
    } else {
        log_error("messages cannot be stored (%s): %s", reply->sqlstate, reply->message);
        for (struct pending *pending = batch->first, *next; pending; pending = next) {
            next = pending->next;
            ingest_not_stored(committer->ingest, pending, "The database does not take messages now.");
        }
    }
}

static void batch_lost(struct committer *committer, struct batch *batch)
{
    for (struct pending *pending = batch->first, *next; pending; pending = next) {
        next = pending->next;
        ingest_not_stored(committer->ingest, pending,
                          "The database went away. Whether the message was stored is not known: repeat the "
                          "request with the same Idempotency-Key.");
    }
}

static void on_inserted(void *arg, struct pg_reply *reply)
{
    struct committer *committer = arg;
    struct batch *batch = committer->current;
    committer->current = NULL;
    switch (reply->outcome) {
    case PG_DONE:
        metric_observe(committer->producer->metrics, METRIC_INGEST_BATCH, NO_LABELS, (double)batch->count);
        committer_start(committer); /* PostgreSQL works while the answers are written */
        batch_stored(committer, batch, reply->rows);
        break;
    case PG_REFUSED:
        batch_refused(committer, batch, reply);
        break;
    case PG_LOST:
        batch_lost(committer, batch);
        break;
    }
    free(batch);
    committer_start(committer);
}

static struct batch *next_batch(struct committer *committer)
{
    struct batch *batch = committer->halves;
    if (batch) {
        committer->halves = batch->next;
        return batch;
    }
    size_t count;
    struct pending *first =
        ingest_next_batch(committer->ingest, (size_t)committer->producer->config->ingest_batch_size, &count);
    if (!first) {
        return NULL;
    }
    batch = NEW(struct batch);
    *batch = (struct batch){.first = first, .count = count};
    return batch;
}

void committer_start(struct committer *committer)
{
    if (!pg_is_up(committer->pg)) {
        for (struct batch *half; (half = committer->halves); free(half)) {
            committer->halves = half->next;
            batch_lost(committer, half);
        }
        ingest_database_gone(committer->ingest);
    }
    while (!committer->current && pg_is_up(committer->pg)) {
        struct batch *batch = next_batch(committer);
        if (!batch) {
            return;
        }
        insert_params(committer, batch->first);
        batch->some = batch->some || clock_monotonic_ms() < committer->repeats_until_ms;
        const struct pg_statement *statement = batch->some ? &lifecycle_insert_some : &lifecycle_insert;
        committer->current = batch;
        if (!pg_call(committer->pg, statement, &committer->params, on_inserted, committer)) {
            committer->current = NULL;
            batch_lost(committer, batch); /* the connection broke just now; on_up() goes on */
            free(batch);
        }
    }
}
