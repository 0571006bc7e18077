#include "tests/model/database.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/lifecycle.h"
#include "schemas/topics.h"
#include "tests/model/parameters.h"
#include "tests/model/rebuild.h"
#include "tests/model/world.h"

#define PG_EPOCH_US ((int64_t)946684800 * 1000000)

struct database_listener database_listener;

void database_init(struct database *database)
{
    *database = (struct database){.outbox_end = &database->outbox};
}

struct message_row *database_find(struct database *database, const struct uuid *id)
{
    for (size_t i = 0; i < database->message_count; i++) {
        if (memcmp(&database->messages[i].id, id, sizeof *id) == 0) {
            return &database->messages[i];
        }
    }
    return NULL;
}

struct attempt_row *database_attempt(struct database *database, const struct message_row *message,
                                     int32_t attempt_no)
{
    for (struct attempt_row *attempt = database->attempts; attempt; attempt = attempt->next) {
        if (attempt->message == message && attempt->attempt_no == attempt_no) {
            return attempt;
        }
    }
    return NULL;
}

static struct text keep(struct text text)
{
    return text.bytes ? (struct text){world_copy(text.bytes, text.length), text.length} : (struct text){0};
}

static bool same(struct text a, struct text b)
{
    return a.bytes && b.bytes && a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

/* Answers. */

struct answer answer_of(int columns)
{
    return (struct answer){.columns = columns, .sqlstate = ""};
}

struct text *answer_row(struct answer *answer)
{
    if (answer->rows == answer->room) {
        answer->room = answer->room ? answer->room * 2 : 8;
        const size_t size = (size_t)answer->columns * sizeof(struct text);
        struct text *larger = world_alloc((size_t)answer->room * size);
        if (answer->rows > 0) {
            memcpy(larger, answer->values, (size_t)answer->rows * size);
        }
        answer->values = larger;
    }
    answer->affected++;
    return &answer->values[(size_t)answer->columns * (size_t)answer->rows++];
}

struct text answer_int(int64_t number)
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%" PRId64, number);
    return (struct text){world_copy(digits, (size_t)length), (size_t)length};
}

static struct text id_text(const struct message_row *message)
{
    return (struct text){message->id_text, UUID_TEXT_SIZE - 1};
}

/* bytea in hexadecimal digits, after `prefix`. */
static struct text hex_text(const char *prefix, struct text bytes)
{
    if (!bytes.bytes) {
        return (struct text){0};
    }
    const size_t start = strlen(prefix);
    char *text = world_alloc(start + 2 * bytes.length + 1);
    (void)snprintf(text, start + 1, "%s", prefix);
    for (size_t i = 0; i < bytes.length; i++) {
        (void)snprintf(text + start + 2 * i, 3, "%02x", (unsigned char)bytes.bytes[i]);
    }
    return (struct text){text, start + 2 * bytes.length};
}

/* Changes. */

static void set_status(struct message_row *message, enum state to)
{
    const enum state from = message->status;
    message->status = to;
    if (database_listener.changes) {
        database_listener.changes(message, from, to);
    }
}

struct outbox_row *database_announce(struct database *database, struct message_row *message,
                                     struct text topic, int64_t due_at_us)
{
    struct outbox_row *row = WORLD_NEW(struct outbox_row);
    *row = (struct outbox_row){.id = ++database->outbox_ids,
                               .message = message,
                               .topic = topic,
                               .fence = message->fence,
                               .due_at_us = due_at_us};
    *database->outbox_end = row;
    database->outbox_end = &row->next;
    return row;
}

static const char *or_dash(struct text text)
{
    return text.bytes ? text.bytes : "-";
}

/* EVENTS_TOLD: what the row says now, for outbound.events. */
static void tell_event(struct database *database, struct message_row *message)
{
    char event[256];
    const int length = snprintf(event, sizeof event, "%s %d %s %s %s", state_name(message->status),
                                (int)message->attempt_count, or_dash(message->error_code),
                                or_dash(message->provider), or_dash(message->provider_message_id));
    database_announce(database, message, text_of(topic_name(TOPIC_EVENTS)), NEVER_US)->event =
        (struct text){world_copy(event, (size_t)length), (size_t)length};
}

static void tell_event_of(struct database *database, struct message_row *message,
                          const struct pg_params *params, int statuses)
{
    if (param_has(params, statuses, state_name(message->status))) {
        tell_event(database, message);
    }
}

static struct attempt_row *attempt_new(struct database *database, struct message_row *message)
{
    struct attempt_row *attempt = WORLD_NEW(struct attempt_row);
    *attempt =
        (struct attempt_row){.next = database->attempts, .message = message, .attempt_no = message->fence};
    database->attempts = attempt;
    return attempt;
}

/* Statements. */

static bool is_taken(struct database *database, const struct message_row *message)
{
    for (size_t i = 0; i < database->message_count; i++) {
        const struct message_row *other = &database->messages[i];
        if (memcmp(&other->id, &message->id, sizeof message->id) == 0 ||
            (same(other->org_id, message->org_id) && same(other->source, message->source) &&
             same(other->idempotency_key, message->idempotency_key))) {
            return true;
        }
    }
    return false;
}

static struct answer insert(struct database *database, const struct pg_params *params, bool some, bool told)
{
    static const int numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20};
    struct array columns[sizeof numbers / sizeof *numbers];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        columns[i] = array_of(params, numbers[i]);
    }
    struct answer answer = answer_of(2);
    const size_t had = database->message_count;
    while (columns[0].left > 0) {
        if (database->message_count == MESSAGES_MAX) {
            abort(); /* no schedule has so many */
        }
        struct message_row *message = &database->messages[database->message_count];
        *message = (struct message_row){.id = array_next_uuid(&columns[0]), .status = STATE_QUEUED};
        uuid_format(&message->id, message->id_text);
        message->org_id = keep(array_next(&columns[1]));
        message->dossier_id = array_next_int(&columns[2]);
        message->channel = keep(array_next(&columns[3]));
        message->priority = keep(array_next(&columns[4]));
        message->to = keep(array_next(&columns[5]));
        message->template_code = keep(array_next(&columns[6]));
        message->subject = keep(array_next(&columns[7]));
        message->payload = keep(array_next(&columns[8]));
        message->correlation_id = keep(array_next(&columns[9]));
        message->idempotency_key = keep(array_next(&columns[10]));
        message->request_hash = keep(array_next(&columns[11]));
        const struct text expires_at = array_next(&columns[12]);
        message->expires_at_us = expires_at.bytes ? number_of(expires_at) + PG_EPOCH_US : 0;
        message->source = keep(array_next(&columns[13]));
        message->ordering_key = keep(array_next(&columns[14]));
        message->traceparent = keep(array_next(&columns[15]));
        message->tracestate = keep(array_next(&columns[16]));
        message->max_attempts = (int32_t)param_int(params, 16);
        message->created_at_us = database->now_us;
        message->updated_at_us = database->now_us;
        if (!is_taken(database, message)) {
            database->message_count++;
        } else if (!some) {
            database->message_count = had;
            return (struct answer){.sqlstate = "23505"};
        }
    }
    const struct text topic = keep(param(params, 17));
    for (size_t i = had; i < database->message_count; i++) {
        struct message_row *message = &database->messages[i];
        if (told) {
            tell_event(database, message);
        }
        const struct outbox_row *row =
            database_announce(database, message, topic, database->now_us + param_int(params, 18) * MS);
        struct text *values = answer_row(&answer);
        values[0] = id_text(message);
        values[1] = answer_int(row->id);
    }
    return answer;
}

static struct answer find_conflicts(struct database *database, const struct pg_params *params)
{
    struct array ids = array_of(params, 1);
    struct array orgs = array_of(params, 2);
    struct array sources = array_of(params, 3);
    struct array keys = array_of(params, 4);
    struct answer answer = answer_of(5);
    for (int64_t position = 1; ids.left > 0; position++) {
        const struct uuid id = array_next_uuid(&ids);
        const struct text org = array_next(&orgs);
        const struct text source = array_next(&sources);
        const struct text key = array_next(&keys);
        const struct message_row *found = database_find(database, &id);
        for (size_t i = 0; i < database->message_count; i++) {
            const struct message_row *message = &database->messages[i];
            if (same(message->org_id, org) && same(message->source, source) &&
                same(message->idempotency_key, key)) {
                found = message;
            }
        }
        if (found) {
            struct text *values = answer_row(&answer);
            values[0] = answer_int(position);
            values[1] = id_text(found);
            values[2] = found->org_id;
            values[3] = hex_text("", found->request_hash);
            values[4] = text_of(state_name(found->status));
        }
    }
    return answer;
}

static bool is_given_up(const struct message_row *message)
{
    return message->status == STATE_FAILED || message->status == STATE_EXPIRED ||
           message->status == STATE_UNKNOWN;
}

/* The columns as producer/relay.c names them; those of a letter without a message stay null. */
static void put_taken(struct database *database, const struct outbox_row *row, struct text *values)
{
    const struct message_row *message = row->message;
    const struct attempt_row *attempt = database_attempt(database, message, row->fence);
    values[0] = answer_int(row->id);
    values[1] = row->topic;
    values[2] = id_text(message);
    values[3] = hex_text("\\x", message->ordering_key);
    values[4] = answer_int(message->generation);
    values[5] = answer_int(row->fence);
    values[6] = message->org_id;
    values[7] = message->channel;
    values[8] = message->priority;
    if (message->expires_at_us) {
        values[9] = answer_int((message->expires_at_us + 500) / 1000); /* a cast to int8 rounds */
    }
    values[10] = message->correlation_id;
    values[11] = message->error_code;
    values[12] = answer_int(message->attempt_count);
    if (attempt && attempt->next_retry_at_us) {
        values[13] = answer_int((attempt->next_retry_at_us + 999) / 1000);
    }
    values[14] = text_of("2030-01-01T00:00:00.000000Z"); /* for people */
    values[20] = answer_int(message->fence != row->fence || !is_given_up(message));
    values[21] = answer_int(message->updated_at_us / 1000);
    values[22] = message->traceparent;
    values[23] = message->tracestate;
}

static struct answer take_outbox(struct database *database, const struct pg_params *params)
{
    const int64_t most = param_int(params, 1);
    const int64_t lease_us = param_int(params, 2) * MS;
    struct answer answer = answer_of(24);
    while (answer.rows < most) {
        struct outbox_row *due = NULL;
        for (struct outbox_row *row = database->outbox; row; row = row->next) {
            if (!row->event.bytes && row->taken_in != database->statements &&
                row->due_at_us <= database->now_us && (!due || row->due_at_us < due->due_at_us)) {
                due = row;
            }
        }
        if (!due) {
            break;
        }
        due->due_at_us = database->now_us + lease_us;
        due->taken_in = database->statements;
        put_taken(database, due, answer_row(&answer));
    }
    return answer;
}

static struct answer take_events(struct database *database, const struct pg_params *params)
{
    (void)database;
    (void)params;
    return answer_of(15); /* schedules run with OUTBOUND_EVENTS=off */
}

static struct answer delete_outbox(struct database *database, const struct pg_params *params)
{
    struct answer answer = {.sqlstate = ""};
    for (struct array ids = array_of(params, 1); ids.left > 0;) {
        const int64_t id = array_next_int(&ids);
        for (struct outbox_row **at = &database->outbox; *at; at = &(*at)->next) {
            if ((*at)->id == id) {
                struct outbox_row *row = *at;
                *at = row->next;
                if (!*at) {
                    database->outbox_end = at;
                }
                answer.affected++;
                if (database_listener.deletes) {
                    database_listener.deletes(database, row);
                }
                break;
            }
        }
    }
    return answer;
}

static struct answer claim(struct database *database, const struct pg_params *params)
{
    struct array ids = array_of(params, 1);
    struct array generations = array_of(params, 2);
    struct array fences = array_of(params, 3);
    const int64_t now_us = database->now_us;
    bool claimed[MESSAGES_MAX] = {false}; /* one statement changes a row once */
    int64_t positions[MESSAGES_MAX];
    for (int64_t position = 1; ids.left > 0; position++) {
        const struct uuid id = array_next_uuid(&ids);
        const int64_t generation = array_next_int(&generations);
        const int64_t fence = array_next_int(&fences);
        struct message_row *message = database_find(database, &id);
        if (!message || message->generation != generation || message->fence != fence ||
            message->status != STATE_QUEUED) {
            continue;
        }
        const size_t index = (size_t)(message - database->messages);
        claimed[index] = true;
        positions[index] = position;
        if (database_listener.claims) {
            database_listener.claims(message, fence);
        }
        const bool expired = message->expires_at_us && message->expires_at_us <= now_us;
        if (expired) {
            message->error_code = text_of("EXPIRED");
        }
        message->attempt_count += !expired;
        message->fence++;
        message->updated_at_us = now_us;
        message->hold_unknown = text_is(param(params, 6), "hold");
        message->claimed_by = keep(param(params, 8));
        message->lease_until_us = now_us + param_int(params, 4) * MS;
        set_status(message, expired ? STATE_EXPIRED : STATE_SENDING);
    }
    const struct text dlq = keep(param(params, 5));
    struct answer answer = answer_of(14);
    for (size_t i = 0; i < database->message_count; i++) {
        if (claimed[i]) {
            tell_event_of(database, &database->messages[i], params, 7);
        }
    }
    for (size_t i = 0; i < database->message_count; i++) {
        struct message_row *message = &database->messages[i];
        if (!claimed[i]) {
            continue;
        }
        if (message->status == STATE_EXPIRED) {
            database_announce(database, message, dlq, now_us);
        }
        struct text *values = answer_row(&answer);
        values[0] = answer_int(positions[i]);
        values[1] = answer_int(message->fence);
        values[2] = answer_int(message->attempt_count);
        values[3] = answer_int(message->max_attempts);
        values[4] = message->org_id;
        values[5] = message->to;
        values[6] = message->template_code;
        values[7] = message->subject;
        values[8] = message->payload;
        values[9] = message->correlation_id;
        values[10] = answer_int(now_us - message->created_at_us);
        values[11] = message->traceparent;
        values[12] = message->tracestate;
        values[13] = answer_int(message->status == STATE_EXPIRED);
    }
    return answer;
}

/* Whether an end that comes now still counts. */
static bool may_finish(const struct message_row *message, bool sent)
{
    switch (message->status) {
    case STATE_SENDING:
        return true;
    case STATE_UNKNOWN:
    case STATE_QUEUED:
        return sent;
    case STATE_FAILED:
        return sent && text_is(message->error_code, "LEASE_EXPIRED");
    default:
        return false;
    }
}

static struct answer finish(struct database *database, const struct pg_params *params)
{
    struct array columns[14];
    for (int i = 1; i <= 13; i++) {
        columns[i] = array_of(params, i);
    }
    const int64_t now_us = database->now_us;
    struct answer answer = answer_of(1);
    struct {
        struct message_row *message;
        struct text topic;
        int64_t due_at_us;
    } announced[MESSAGES_MAX];
    size_t announced_count = 0;
    for (int64_t position = 1; columns[1].left > 0; position++) {
        const struct uuid id = array_next_uuid(&columns[1]);
        const int64_t fence = array_next_int(&columns[2]);
        const struct text status = array_next(&columns[3]);
        const struct text outcome = array_next(&columns[4]);
        const struct text error_code = array_next(&columns[5]);
        const struct text error_message = array_next(&columns[6]);
        const struct text provider = array_next(&columns[7]);
        const struct text provider_message_id = array_next(&columns[8]);
        const struct text http_status = array_next(&columns[9]);
        const int64_t duration_us = array_next_int(&columns[10]);
        const int64_t delay_us = array_next_int(&columns[11]) * MS;
        const struct text topic = array_next(&columns[12]);
        const int64_t hold_us = array_next_int(&columns[13]) * MS;
        struct message_row *message = database_find(database, &id);
        const bool sent = text_is(status, "SENT");
        enum state state;
        if (!message || message->fence != fence || !may_finish(message, sent) ||
            !state_find(status, &state)) {
            continue;
        }
        message->error_code = keep(error_code);
        message->error_message = keep(error_message);
        message->provider = keep(provider);
        if (provider_message_id.bytes) {
            message->provider_message_id = keep(provider_message_id);
        }
        message->lease_until_us = 0;
        message->attempt_count -= text_is(error_code, "NOT_STARTED");
        message->updated_at_us = now_us;
        message->sent_at_us = sent ? now_us : message->sent_at_us;
        struct attempt_row *attempt = database_attempt(database, message, message->fence);
        const bool overwritten = attempt;
        attempt = attempt ? attempt : attempt_new(database, message);
        attempt->outcome = keep(outcome);
        attempt->provider = message->provider;
        attempt->provider_message_id = keep(provider_message_id);
        attempt->http_status = http_status.bytes ? answer_int(number_of(http_status)) : (struct text){0};
        attempt->error_code = message->error_code;
        attempt->error_message = message->error_message;
        attempt->started_at_us = now_us - duration_us;
        attempt->finished_at_us = now_us;
        attempt->next_retry_at_us = state == STATE_QUEUED && !overwritten ? now_us + delay_us : 0;
        set_status(message, state);
        if (database_listener.attempt) {
            database_listener.attempt(message, attempt);
        }
        tell_event_of(database, message, params, 14);
        if (topic.bytes && announced_count < MESSAGES_MAX) {
            announced[announced_count].message = message;
            announced[announced_count].topic = keep(topic);
            announced[announced_count++].due_at_us = now_us + hold_us;
        }
        answer_row(&answer)[0] = answer_int(position);
    }
    for (size_t i = 0; i < announced_count; i++) {
        database_announce(database, announced[i].message, announced[i].topic, announced[i].due_at_us);
    }
    return answer;
}

static struct answer end_leases(struct database *database, const struct pg_params *params)
{
    struct answer answer = {.sqlstate = ""};
    for (size_t i = 0; i < database->message_count; i++) {
        struct message_row *message = &database->messages[i];
        if (message->status == STATE_SENDING && same(message->channel, param(params, 1)) &&
            same(message->claimed_by, param(params, 2)) && message->lease_until_us > database->now_us &&
            message->updated_at_us < database->session_us) {
            message->lease_until_us = database->now_us;
            answer.affected++;
        }
    }
    return answer;
}

static struct answer expire_leases(struct database *database, const struct pg_params *params)
{
    const int64_t delay_us = param_int(params, 2) * MS;
    const int64_t now_us = database->now_us;
    struct answer answer = answer_of(5);
    bool expired[MESSAGES_MAX] = {false};
    for (size_t i = 0; i < database->message_count && answer.rows < param_int(params, 1); i++) {
        struct message_row *message = &database->messages[i];
        if (message->status != STATE_SENDING ||
            (message->lease_until_us && message->lease_until_us >= now_us)) {
            continue;
        }
        expired[i] = true;
        const enum state to = message->hold_unknown                             ? STATE_UNKNOWN
                              : message->attempt_count >= message->max_attempts ? STATE_FAILED
                                                                                : STATE_QUEUED;
        message->error_code = keep(param(params, 5));
        message->error_message = keep(param(params, 6));
        message->lease_until_us = 0;
        message->updated_at_us = now_us;
        set_status(message, to);
        tell_event_of(database, message, params, 7);
        if (!database_attempt(database, message, message->fence)) {
            struct attempt_row *attempt = attempt_new(database, message);
            attempt->outcome = text_of("UNKNOWN");
            attempt->error_code = message->error_code;
            attempt->error_message = message->error_message;
            attempt->started_at_us = now_us;
            attempt->finished_at_us = now_us;
            attempt->next_retry_at_us = to == STATE_QUEUED ? now_us + delay_us : 0;
            if (database_listener.attempt) {
                database_listener.attempt(message, attempt);
            }
        }
        struct text *values = answer_row(&answer);
        values[0] = id_text(message);
        values[1] = text_of(state_name(to));
        values[2] = message->channel;
        values[3] = message->correlation_id;
        values[4] = message->org_id;
    }
    for (size_t i = 0; i < database->message_count; i++) {
        struct message_row *message = &database->messages[i];
        if (expired[i]) {
            const bool queued = message->status == STATE_QUEUED;
            database_announce(database, message, keep(param(params, queued ? 3 : 4)),
                              now_us + (queued ? delay_us : 0));
        }
    }
    return answer;
}

bool database_is_announced(const struct database *database, const struct message_row *message)
{
    for (const struct outbox_row *row = database->outbox; row; row = row->next) {
        if (row->message == message && !row->event.bytes) {
            return true;
        }
    }
    return false;
}

static struct answer republish(struct database *database, const struct pg_params *params)
{
    const int64_t before_us = database->now_us - param_int(params, 2) * MS;
    struct answer answer = {.sqlstate = ""};
    for (size_t i = 0; i < database->message_count && answer.affected < param_int(params, 3); i++) {
        struct message_row *message = &database->messages[i];
        const struct attempt_row *attempt = database_attempt(database, message, message->fence);
        if (message->status == STATE_QUEUED && same(message->channel, param(params, 1)) &&
            message->created_at_us < before_us && message->updated_at_us < before_us &&
            !database_is_announced(database, message) &&
            (!attempt || attempt->next_retry_at_us <= database->now_us)) {
            message->updated_at_us = database->now_us;
            database_announce(database, message, keep(param(params, 4)), database->now_us);
            answer.affected++;
        }
    }
    return answer;
}

struct answer database_run(struct database *database, const struct pg_statement *statement,
                           const struct pg_params *params, int64_t now_us)
{
    database->now_us = now_us;
    database->statements++;
    struct answer answer;
    if (statement == &lifecycle_insert || statement == &lifecycle_insert_told) {
        answer = insert(database, params, false, statement == &lifecycle_insert_told);
    } else if (statement == &lifecycle_insert_some || statement == &lifecycle_insert_some_told) {
        answer = insert(database, params, true, statement == &lifecycle_insert_some_told);
    } else if (statement == &lifecycle_find_conflicts) {
        answer = find_conflicts(database, params);
    } else if (statement == &lifecycle_take_outbox) {
        answer = take_outbox(database, params);
    } else if (statement == &lifecycle_take_events) {
        answer = take_events(database, params);
    } else if (statement == &lifecycle_delete_outbox) {
        answer = delete_outbox(database, params);
    } else if (statement == &lifecycle_claim) {
        answer = claim(database, params);
    } else if (statement == &lifecycle_finish) {
        answer = finish(database, params);
    } else if (statement == &lifecycle_end_leases) {
        answer = end_leases(database, params);
    } else if (statement == &lifecycle_expire_leases) {
        answer = expire_leases(database, params);
    } else if (statement == &lifecycle_republish) {
        answer = republish(database, params);
    } else if (!rebuild_run(database, statement, params, &answer)) {
        (void)fprintf(stderr, "model: the statement \"%s\" is not known here\n", statement->name);
        abort();
    }
    if (database_listener.ends) {
        database_listener.ends(database);
    }
    return answer;
}
