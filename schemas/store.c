#include "schemas/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "base/memory.h"
#include "schemas/events.h"
#include "schemas/lifecycle.h"
#include "schemas/message_log.h"
#include "schemas/topics.h"

#define PARAMS_MAX ((size_t)256 * 1024 * 1024)
/* A transaction is closed when its payloads reach this. */
#define BATCH_BYTES ((size_t)16 * 1024 * 1024)
#define TRIES_MAX 3
#define AHEAD_MIN 4 /* a statement costs as much as many rows: fewer are not worth one */
#define UNIQUE_VIOLATION "23505"
#define REPEATS_EXPECTED_MS 1000

/* Messages that go into one transaction. When the database refuses it, the halves are tried apart. */
struct batch {
    struct batch *next;
    struct store *store;
    struct store_item *first;
    size_t count;
    int64_t sent_us; /* monotonic */
    bool some;       /* some of them are there already */
};

struct store {
    struct store_options options;
    struct pg *pg;
    struct pg_params params;
    struct store_item *first; /* not in a transaction yet; oldest first */
    struct store_item **last;
    size_t waiting;
    uv_timer_t *commit_soon;
    size_t in_flight;         /* transactions */
    size_t in_flight_newest;  /* messages in the newest of them */
    struct batch *halves;     /* of refused batches; they go first */
    int64_t repeats_until_ms; /* one repetition seldom comes alone: until then they are expected */
};

static void commit_next(struct store *store);
static const struct pg_statement *insert_statement(const struct store *store, const struct batch *batch);

static void on_up(void *arg)
{
    struct store *store = arg;
    commit_next(store);
    if (store->options.on_up) {
        store->options.on_up(store->options.arg);
    }
}

static void on_commit_soon(uv_timer_t *timer)
{
    commit_next(timer->data);
}

struct store *store_open(const struct store_options *options)
{
    struct store *store = NEW(struct store);
    store->options = *options;
    store->options.told = options->told && events_want(options->config, STATE_QUEUED);
    store->last = &store->first;
    pg_params_init(&store->params, PARAMS_MAX);
    store->commit_soon = NEW(uv_timer_t);
    uv_timer_init(options->loop, store->commit_soon);
    store->commit_soon->data = store;
    store->pg = pg_open(options->loop,
                        &(struct pg_options){.url = options->config->database_url,
                                             .application_name = options->application_name,
                                             .timeout_ms = (unsigned)options->config->database_timeout_ms,
                                             .on_up = on_up,
                                             .arg = store});
    return store;
}

void store_close(struct store *store)
{
    if (!store) {
        return;
    }
    pg_close(store->pg); /* answers what is with the database */
    store->pg = NULL;
    commit_next(store); /* and this what is not */
    pg_params_release(&store->params);
    uv_close((uv_handle_t *)store->commit_soon, (uv_close_cb)free);
    free(store);
}

bool store_is_up(const struct store *store)
{
    return store->pg && pg_is_up(store->pg);
}

size_t store_waiting(const struct store *store)
{
    return store->waiting;
}

/*
 * Clients that wait for their answers come in two crowds: one is with PostgreSQL, the other one gathers
 * meanwhile. Once that is as large it is sent on, so that PostgreSQL does not rest while answers are written
 * and requests read. A smaller one waits for the rest: two small transactions cost more than one.
 */
static bool may_send(const struct store *store)
{
    const bool ahead = store->options.ahead && store->in_flight == 1 && !store->halves &&
                       store->waiting >= AHEAD_MIN && store->waiting >= store->in_flight_newest;
    return store_is_up(store) && (store->in_flight == 0 || ahead);
}

void store_add(struct store *store, struct store_item *message)
{
    message->next = NULL;
    *store->last = message;
    store->last = &message->next;
    store->waiting++;
    const bool soon = uv_is_active((uv_handle_t *)store->commit_soon);
    if (!soon && (may_send(store) || !store_is_up(store))) {
        /* All that come with the same turn of the loop start together. */
        uv_timer_start(store->commit_soon, on_commit_soon, 0, 0);
    }
}

/* The oldest that wait, as a list that ends with NULL; NULL when there is none. */
static struct store_item *take_waiting(struct store *store, size_t most, size_t *ret_count)
{
    struct store_item *taken = store->first;
    struct store_item **end = &store->first;
    size_t count = 0;
    size_t bytes = 0;
    while (*end && count < most && bytes < BATCH_BYTES) {
        bytes += (*end)->message.payload.length;
        end = &(*end)->next;
        count++;
    }
    store->first = *end;
    *end = NULL;
    if (!store->first) {
        store->last = &store->first;
    }
    store->waiting -= count;
    *ret_count = count;
    return count > 0 ? taken : NULL;
}

static void text_column(struct pg_params *params, const struct store_item *first, size_t offset,
                        enum pg_type type)
{
    pg_array_begin(params, type);
    for (const struct store_item *item = first; item; item = item->next) {
        const struct text *text = (const struct text *)(const void *)((const char *)&item->message + offset);
        pg_array_bytes(params, text->bytes, text->length);
    }
    pg_array_end(params);
}

#define TEXT_COLUMN(params, first, member) \
    text_column(params, first, offsetof(struct new_message, member), PG_TEXT)

/* Most batches have no traces: then an empty array, which stands for nulls. */
static void trace_column(struct pg_params *params, const struct store_item *first, size_t offset)
{
    bool any = false;
    for (const struct store_item *item = first; item && !any; item = item->next) {
        any = item->message.traceparent.bytes;
    }
    text_column(params, any ? first : NULL, offset, PG_TEXT);
}

static void id_column(struct pg_params *params, const struct store_item *first)
{
    pg_array_begin(params, PG_UUID);
    for (const struct store_item *item = first; item; item = item->next) {
        pg_array_uuid(params, &item->message.id);
    }
    pg_array_end(params);
}

/* The parameters of lifecycle_insert, in its order. */
static void insert_params(struct store *store, const struct store_item *first)
{
    struct pg_params *params = &store->params;
    const struct config *config = store->options.config;
    pg_params_clear(params);
    id_column(params, first);
    TEXT_COLUMN(params, first, org_id);
    pg_array_begin(params, PG_INT8);
    for (const struct store_item *item = first; item; item = item->next) {
        pg_array_int8(params, item->message.dossier_id);
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
    for (const struct store_item *item = first; item; item = item->next) {
        const struct new_message *message = &item->message;
        pg_array_bytes(params, message->has_request_hash ? (const char *)message->request_hash : NULL,
                       sizeof message->request_hash);
    }
    pg_array_end(params);
    pg_array_begin(params, PG_TIMESTAMPTZ);
    for (const struct store_item *item = first; item; item = item->next) {
        if (item->message.expires_at_us) {
            pg_array_timestamp(params, item->message.expires_at_us);
        } else {
            pg_array_null(params);
        }
    }
    pg_array_end(params);
    TEXT_COLUMN(params, first, source);
    text_column(params, first, offsetof(struct new_message, ordering_key), PG_BYTEA);
    pg_param_int4(params, (int32_t)config->max_attempts);
    pg_param_text(params, topic_name(TOPIC_ACCEPTED));
    pg_param_int8(params, config->outbox_lease_ms);
    trace_column(params, first, offsetof(struct new_message, traceparent));
    trace_column(params, first, offsetof(struct new_message, tracestate));
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
    const struct store_answers *answers = &batch->store->options.answers;
    void *to = batch->store->options.arg;
    int row = 0;
    int position = 1;
    for (struct store_item *item = batch->first, *next; item; item = next, position++) {
        next = item->next;
        if (reply->outcome != PG_DONE) {
            answers->not_stored(to, item, "The database went away.");
        } else if (row == PQntuples(reply->rows) || pg_int(reply->rows, row, 0) != position) {
            /* What it collided with is gone again: archived or erased in this very moment. */
            answers->not_stored(to, item, "Try again.");
        } else {
            const char *id = PQgetvalue(reply->rows, row, 1);
            const char *org = PQgetvalue(reply->rows, row, 2);
            const char *hash = PQgetvalue(reply->rows, row, 3);
            const char *status = PQgetvalue(reply->rows, row, 4);
            const struct text ours = item->message.org_id;
            if (strlen(org) == ours.length && memcmp(org, ours.bytes, ours.length) == 0 &&
                same_hash(&item->message, hash)) {
                answers->repeated(to, item, id, status);
            } else {
                answers->conflicting(to, item);
            }
            row++;
        }
    }
    free(batch);
}

static void resolve_conflicts(struct store *store, struct store_item *first, size_t count)
{
    struct batch *batch = NEW(struct batch);
    *batch = (struct batch){.store = store, .first = first, .count = count};
    struct pg_params *params = &store->params;
    pg_params_clear(params);
    id_column(params, first);
    TEXT_COLUMN(params, first, org_id);
    TEXT_COLUMN(params, first, source);
    TEXT_COLUMN(params, first, idempotency_key);
    if (!pg_call(store->pg, &lifecycle_find_conflicts, params, on_conflicts, batch)) {
        struct pg_reply lost = {.outcome = PG_LOST};
        on_conflicts(batch, &lost);
    }
}

/* The rows that come back are the new messages, in our order; what is missing between them collided. */
static void batch_stored(struct store *store, struct batch *batch, PGresult *rows)
{
    struct store_item *collided = NULL;
    struct store_item **collided_end = &collided;
    size_t collided_count = 0;
    int row = 0;
    for (struct store_item *item = batch->first, *next; item; item = next) {
        next = item->next;
        struct uuid id;
        const bool stored = row < PQntuples(rows) &&
                            uuid_parse(PQgetvalue(rows, row, 0), (size_t)PQgetlength(rows, row, 0), &id) &&
                            memcmp(&id, &item->message.id, sizeof id) == 0;
        if (stored) {
            store->options.answers.stored(store->options.arg, item, pg_int(rows, row++, 1));
        } else {
            item->next = NULL;
            *collided_end = item;
            collided_end = &item->next;
            collided_count++;
        }
    }
    if (collided) {
        resolve_conflicts(store, collided, collided_count);
    }
}

static void push_half(struct store *store, struct store_item *first, size_t count)
{
    struct batch *half = NEW(struct batch);
    *half =
        (struct batch){.next = store->halves, .store = store, .first = first, .count = count, .some = true};
    store->halves = half;
}

static void not_stored(struct store *store, struct store_item *first, const char *why)
{
    for (struct store_item *item = first, *next; item; item = next) {
        next = item->next;
        store->options.answers.not_stored(store->options.arg, item, why);
    }
}

static bool sqlstate_is(const struct pg_reply *reply, const char *class)
{
    return strncmp(reply->sqlstate, class, 2) == 0;
}

static void halve(struct store *store, struct batch *batch)
{
    struct store_item *last_of_first = batch->first;
    for (size_t i = 1; i < batch->count / 2; i++) {
        last_of_first = last_of_first->next;
    }
    push_half(store, last_of_first->next, batch->count - batch->count / 2);
    last_of_first->next = NULL;
    push_half(store, batch->first, batch->count / 2);
}

/*
 * The database refused a transaction. One message can be to blame that passed our own checks (classes 22,
 * 23), and a deadlock with another producer can be (40): halving finds the one and gets around the other.
 * Anything else is the database's trouble and passes.
 */
static void batch_refused(struct store *store, struct batch *batch, const struct pg_reply *reply)
{
    if (!batch->some && strcmp(reply->sqlstate, UNIQUE_VIOLATION) == 0) {
        store->repeats_until_ms = clock_monotonic_ms() + REPEATS_EXPECTED_MS;
        push_half(store, batch->first, batch->count); /* whole, and by the other statement */
        return;
    }
    const bool data = sqlstate_is(reply, "22") || sqlstate_is(reply, "23");
    const bool deadlock = sqlstate_is(reply, "40");
    if ((data || deadlock) && batch->count > 1) {
        halve(store, batch);
    } else if (deadlock && ++batch->first->tries < TRIES_MAX) {
        push_half(store, batch->first, 1);
    } else if (data) {
        struct message_fields fields;
        message_fields_of_new(&fields, &batch->first->message, ERROR_NONE);
        log_write(LOG_ERROR, fields.list,
                  "the database refused a message that had passed all checks (%s): %s", reply->sqlstate,
                  reply->message);
        store->options.answers.impossible(store->options.arg, batch->first, "The database refused it.");
    } else {
        log_error("messages cannot be stored (%s): %s", reply->sqlstate, reply->message);
        not_stored(store, batch->first, "The database does not take messages now.");
    }
}

static void batch_lost(struct store *store, struct batch *batch)
{
    not_stored(store, batch->first,
               "The database went away. Whether the message was stored is not known: repeat the request with "
               "the same Idempotency-Key.");
}

static void on_inserted(void *arg, struct pg_reply *reply)
{
    struct batch *batch = arg;
    struct store *store = batch->store;
    store->in_flight--;
    switch (reply->outcome) {
    case PG_DONE:
        FAIL_POINT("store.committed");
        if (store->options.on_commit) {
            const struct store_commit commit = {batch->first, batch->count, insert_statement(store, batch),
                                                batch->sent_us};
            store->options.on_commit(store->options.arg, &commit);
        }
        commit_next(store); /* PostgreSQL works while the answers are written */
        batch_stored(store, batch, reply->rows);
        break;
    case PG_REFUSED:
        batch_refused(store, batch, reply);
        break;
    case PG_LOST:
        batch_lost(store, batch);
        break;
    }
    free(batch);
    commit_next(store);
}

static struct batch *next_batch(struct store *store)
{
    struct batch *batch = store->halves;
    if (batch) {
        store->halves = batch->next;
        return batch;
    }
    size_t count;
    struct store_item *first = take_waiting(store, (size_t)store->options.config->ingest_batch_size, &count);
    if (!first) {
        return NULL;
    }
    batch = NEW(struct batch);
    *batch = (struct batch){.store = store, .first = first, .count = count};
    return batch;
}

static void give_back_all(struct store *store)
{
    for (struct batch *half; (half = store->halves); free(half)) {
        store->halves = half->next;
        batch_lost(store, half);
    }
    size_t count;
    for (struct store_item *first; (first = take_waiting(store, SIZE_MAX, &count));) {
        not_stored(store, first, "The database went away.");
    }
}

static const struct pg_statement *insert_statement(const struct store *store, const struct batch *batch)
{
    if (store->options.told) {
        return batch->some ? &lifecycle_insert_some_told : &lifecycle_insert_told;
    }
    return batch->some ? &lifecycle_insert_some : &lifecycle_insert;
}

static void commit_next(struct store *store)
{
    if (!store_is_up(store)) {
        give_back_all(store);
        return;
    }
    while (may_send(store)) {
        struct batch *batch = next_batch(store);
        if (!batch) {
            return;
        }
        insert_params(store, batch->first);
        batch->some = batch->some || clock_monotonic_ms() < store->repeats_until_ms;
        batch->sent_us = clock_monotonic_us();
        store->in_flight++;
        store->in_flight_newest = batch->count;
        FAIL_POINT("store.begins");
        if (!pg_call(store->pg, insert_statement(store, batch), &store->params, on_inserted, batch)) {
            store->in_flight--;
            batch_lost(store, batch); /* the connection broke just now; on_up() goes on */
            free(batch);
            continue;
        }
        FAIL_POINT("store.sent");
    }
}
