#include "tests/model/sequence.h"

#include <stdio.h>

#include "schemas/lifecycle.h"
#include "schemas/rebuild.h"
#include "schemas/topics.h"
#include "tests/model/world.h"

#define HOUR_MS ((int64_t)3600 * 1000)
#define ROWS_MAX 4
#define MOST 500 /* which rows a smaller limit leaves out, the statements do not say */
#define ROOM (MESSAGES_MAX - ROWS_MAX)

/* Times lie an hour back or ahead, so that it does not matter how long a statement takes. */
static int64_t back_or_ahead_ms(void)
{
    return one_in(2) ? HOUR_MS : -HOUR_MS;
}

static const struct message_row *any(const struct database *database)
{
    return &database->messages[chance(database->message_count)];
}

static void put_statuses(struct pg_params *params)
{
    pg_array_begin(params, PG_TEXT);
    for (int i = 0; i < STATE_COUNT; i++) {
        if (one_in(2)) {
            pg_array_text(params, state_name((enum state)i));
        }
    }
    pg_array_end(params);
}

/* A column of `count` texts by a function of their number. */
static void put_texts(struct pg_params *params, enum pg_type type, size_t count, const char *const *texts)
{
    pg_array_begin(params, type);
    for (size_t i = 0; i < count; i++) {
        pg_array_text(params, texts[i]);
    }
    pg_array_end(params);
}

static void put_same(struct pg_params *params, enum pg_type type, size_t count, const char *text)
{
    const char *texts[ROWS_MAX];
    for (size_t i = 0; i < count; i++) {
        texts[i] = text;
    }
    put_texts(params, type, count, texts);
}

struct fresh {
    struct uuid id;
    bool has_key;
    char key[32];
};

/* A message of its own, or one with the id or the key of another. */
static struct fresh fresh_message(const struct database *database)
{
    struct fresh fresh = {.id = uuid_v4()};
    (void)snprintf(fresh.key, sizeof fresh.key, "key-%u", (unsigned)chance(1000000));
    fresh.has_key = !one_in(4);
    const struct message_row *other = database->message_count ? any(database) : NULL;
    if (other && one_in(6)) {
        fresh.id = other->id;
    } else if (other && one_in(6) && other->idempotency_key.bytes) {
        (void)snprintf(fresh.key, sizeof fresh.key, "%s", other->idempotency_key.bytes);
        fresh.has_key = true;
    }
    return fresh;
}

static void put_ids(struct pg_params *params, const struct fresh *fresh, size_t count)
{
    pg_array_begin(params, PG_UUID);
    for (size_t i = 0; i < count; i++) {
        pg_array_uuid(params, &fresh[i].id);
    }
    pg_array_end(params);
}

static void put_names(struct pg_params *params, const struct fresh *fresh, size_t count)
{
    const char *names[ROWS_MAX];
    for (size_t i = 0; i < count; i++) {
        names[i] = fresh[i].has_key ? fresh[i].key : NULL;
    }
    put_texts(params, PG_TEXT, count, names);
}

static const struct pg_statement *insert(const struct database *database, struct pg_params *params)
{
    static const struct pg_statement *const kinds[] = {&lifecycle_insert, &lifecycle_insert_some,
                                                       &lifecycle_insert_told, &lifecycle_insert_some_told};
    struct fresh fresh[ROWS_MAX];
    const size_t count = 1 + chance(ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
        fresh[i] = fresh_message(database);
    }
    put_ids(params, fresh, count);
    put_same(params, PG_TEXT, count, "default");
    pg_array_begin(params, PG_INT8);
    for (size_t i = 0; i < count; i++) {
        pg_array_int8(params, 4711);
    }
    pg_array_end(params);
    put_same(params, PG_TEXT, count, one_in(4) ? "SMS" : "EMAIL");
    put_same(params, PG_TEXT, count, one_in(4) ? "urgent" : "normal");
    put_same(params, PG_TEXT, count, "ada@example.org");
    put_same(params, PG_TEXT, count, "hello");
    put_same(params, PG_TEXT, count, one_in(3) ? NULL : "Hello");
    put_same(params, PG_JSON, count, "{\"text\":\"Hello\"}");
    put_same(params, PG_TEXT, count, "correlation");
    put_names(params, fresh, count);
    put_same(params, PG_BYTEA, count, one_in(2) ? NULL : "hash");
    pg_array_begin(params, PG_TIMESTAMPTZ);
    for (size_t i = 0; i < count; i++) {
        if (one_in(3)) {
            pg_array_timestamp(params, database->now_us + back_or_ahead_ms() * 1000);
        } else {
            pg_array_null(params);
        }
    }
    pg_array_end(params);
    put_same(params, PG_TEXT, count, "http");
    put_same(params, PG_BYTEA, count, one_in(2) ? NULL : "order");
    pg_param_int4(params, (int32_t)between(1, 3));
    pg_param_text(params, topic_name(TOPIC_ACCEPTED));
    pg_param_int8(params, back_or_ahead_ms());
    put_same(params, PG_TEXT, one_in(2) ? 0 : count, NULL);
    put_same(params, PG_TEXT, 0, NULL);
    return kinds[chance(sizeof kinds / sizeof *kinds)];
}

static const struct pg_statement *find_conflicts(const struct database *database, struct pg_params *params)
{
    struct fresh fresh[ROWS_MAX];
    const size_t count = 1 + chance(ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
        fresh[i] = fresh_message(database);
    }
    put_ids(params, fresh, count);
    put_same(params, PG_TEXT, count, "default");
    put_same(params, PG_TEXT, count, "http");
    put_names(params, fresh, count);
    return &lifecycle_find_conflicts;
}

/* Different messages: a statement that names one twice may take either. */
static size_t choose(const struct database *database, const struct message_row *ret_chosen[ROWS_MAX])
{
    size_t count = 0;
    for (size_t tries = 1 + chance(ROWS_MAX); tries > 0; tries--) {
        const struct message_row *message = any(database);
        bool is_there = false;
        for (size_t i = 0; i < count; i++) {
            is_there = is_there || ret_chosen[i] == message;
        }
        if (!is_there) {
            ret_chosen[count++] = message;
        }
    }
    return count;
}

static int32_t nearly(int32_t fence)
{
    return one_in(5) ? fence + (int32_t)between(-1, 1) : fence;
}

static void put_chosen(struct pg_params *params, const struct message_row *const *chosen, size_t count)
{
    pg_array_begin(params, PG_UUID);
    for (size_t i = 0; i < count; i++) {
        pg_array_uuid(params, &chosen[i]->id);
    }
    pg_array_end(params);
}

static void put_fences(struct pg_params *params, const struct message_row *const *chosen, size_t count)
{
    pg_array_begin(params, PG_INT4);
    for (size_t i = 0; i < count; i++) {
        pg_array_int4(params, nearly(chosen[i]->fence));
    }
    pg_array_end(params);
}

static const char *any_name(void)
{
    return one_in(3) ? "one" : one_in(2) ? "other" : NULL;
}

static const struct pg_statement *claim(const struct database *database, struct pg_params *params)
{
    const struct message_row *chosen[ROWS_MAX];
    const size_t count = choose(database, chosen);
    put_chosen(params, chosen, count);
    pg_array_begin(params, PG_INT4);
    for (size_t i = 0; i < count; i++) {
        pg_array_int4(params, one_in(8) ? 1 : 0);
    }
    pg_array_end(params);
    put_fences(params, chosen, count);
    pg_param_int8(params, back_or_ahead_ms());
    pg_param_text(params, topic_name(TOPIC_DLQ));
    pg_param_text(params, one_in(3) ? "hold" : "resend");
    put_statuses(params);
    pg_param_text(params, any_name());
    return &lifecycle_claim;
}

static const struct pg_statement *finish(const struct database *database, struct pg_params *params)
{
    static const struct end {
        const char *status, *outcome, *code, *message, *provider_message_id, *topic;
    } ends[] = {
        {"SENT", "SENT", NULL, NULL, "sg-1", NULL},
        {"SENT", "SENT", NULL, NULL, NULL, NULL},
        {"QUEUED", "RETRY", "TEMPORARY_ERROR", "busy", NULL, "outbound.retry.5s"},
        {"QUEUED", "RETRY", "NOT_STARTED", "late", NULL, "outbound.accepted"},
        {"QUEUED", "UNKNOWN", "TIMEOUT", NULL, NULL, "outbound.retry.30s"},
        {"FAILED", "FAILED", "INVALID_EMAIL", "no", NULL, "outbound.dlq"},
        {"FAILED", "UNKNOWN", "TIMEOUT", "no", NULL, "outbound.dlq"},
        {"UNKNOWN", "UNKNOWN", "CONNECTION_LOST", "lost", NULL, "outbound.dlq"},
    };
    const struct message_row *chosen[ROWS_MAX];
    const struct end *end[ROWS_MAX];
    const char *texts[6][ROWS_MAX];
    const size_t count = choose(database, chosen);
    for (size_t i = 0; i < count; i++) {
        end[i] = &ends[chance(sizeof ends / sizeof *ends)];
        texts[0][i] = end[i]->status;
        texts[1][i] = end[i]->outcome;
        texts[2][i] = end[i]->code;
        texts[3][i] = end[i]->message;
        texts[4][i] = end[i]->provider_message_id;
        texts[5][i] = end[i]->topic;
    }
    put_chosen(params, chosen, count);
    put_fences(params, chosen, count);
    for (int column = 0; column < 4; column++) {
        put_texts(params, PG_TEXT, count, texts[column]);
    }
    put_same(params, PG_TEXT, count, "sendgrid");
    put_texts(params, PG_TEXT, count, texts[4]);
    pg_array_begin(params, PG_INT4);
    for (size_t i = 0; i < count; i++) {
        if (one_in(3)) {
            pg_array_null(params);
        } else {
            pg_array_int4(params, 202);
        }
    }
    pg_array_end(params);
    static const int64_t numbers[][2] = {{1500, 250000}, {0, 7200000}};
    for (int column = 0; column < 2; column++) { /* duration in µs, delay in ms */
        pg_array_begin(params, PG_INT8);
        for (size_t i = 0; i < count; i++) {
            pg_array_int8(params, numbers[column][chance(2)]);
        }
        pg_array_end(params);
    }
    put_texts(params, PG_TEXT, count, texts[5]);
    pg_array_begin(params, PG_INT8);
    for (size_t i = 0; i < count; i++) {
        pg_array_int8(params, back_or_ahead_ms());
    }
    pg_array_end(params);
    put_statuses(params);
    return &lifecycle_finish;
}

static const struct pg_statement *end_leases(struct pg_params *params)
{
    pg_param_text(params, one_in(4) ? "SMS" : "EMAIL");
    pg_param_text(params, one_in(2) ? "one" : "other");
    return &lifecycle_end_leases;
}

static const struct pg_statement *expire_leases(struct pg_params *params)
{
    pg_param_int8(params, MOST);
    pg_param_int8(params, back_or_ahead_ms());
    pg_param_text(params, topic_name(TOPIC_ACCEPTED));
    pg_param_text(params, topic_name(TOPIC_DLQ));
    pg_param_text(params, "LEASE_EXPIRED");
    pg_param_text(params, "nobody finished it");
    put_statuses(params);
    return &lifecycle_expire_leases;
}

static const struct pg_statement *republish(struct pg_params *params)
{
    pg_param_text(params, one_in(4) ? "SMS" : "EMAIL");
    pg_param_int8(params, back_or_ahead_ms());
    pg_param_int8(params, MOST);
    pg_param_text(params, topic_name(TOPIC_ACCEPTED));
    return &lifecycle_republish;
}

static const struct pg_statement *take_outbox(struct pg_params *params)
{
    pg_param_int8(params, MOST);
    pg_param_int8(params, back_or_ahead_ms());
    return &lifecycle_take_outbox;
}

static const struct pg_statement *rebuild(const struct database *database, struct pg_params *params)
{
    const int32_t rebuilds = nearly((int32_t)database->kafka.rebuilds);
    switch (chance(5)) {
    case 0:
        pg_param_int8(params, back_or_ahead_ms());
        return &rebuild_read;
    case 1:
        return &rebuild_count;
    case 2:
        pg_param_int4(params, rebuilds);
        pg_param_text(params, one_in(3) ? NULL : "cluster");
        pg_param_text(params, one_in(2) ? "{}" : "{\"outbound.dlq\":[12,0]}");
        return &rebuild_record;
    case 3:
        pg_param_int4(params, rebuilds);
        pg_param_text(params, one_in(3) ? NULL : "other");
        pg_param_text(params, "{}");
        pg_param_text(params, "[\"*\"]");
        return &rebuild_begin;
    default:
        pg_param_int4(params, rebuilds);
        pg_param_int8(params, MOST);
        pg_param_text(params, topic_name(TOPIC_ACCEPTED));
        pg_param_text(params, topic_name(TOPIC_DLQ));
        pg_param_int8(params, MOST);
        return &rebuild_step;
    }
}

const struct pg_statement *sequence_next(const struct database *database, struct pg_params *ret_params)
{
    pg_params_clear(ret_params);
    if (database->message_count == 0) {
        return insert(database, ret_params);
    }
    switch (chance(14)) {
    case 0:
    case 1:
        return database->message_count < ROOM ? insert(database, ret_params)
                                              : find_conflicts(database, ret_params);
    case 2:
        return find_conflicts(database, ret_params);
    case 3:
    case 4:
    case 5:
        return claim(database, ret_params);
    case 6:
    case 7:
    case 8:
        return finish(database, ret_params);
    case 9:
        return one_in(2) ? republish(ret_params) : take_outbox(ret_params);
    case 10:
        return &lifecycle_delete_outbox;
    case 11:
    case 12:
        return rebuild(database, ret_params);
    default:
        return one_in(2) ? end_leases(ret_params) : expire_leases(ret_params);
    }
}
