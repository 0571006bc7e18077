#include "tests/model/parameters.h"
#include "tests/model/statements.h"
#include "tests/model/world.h"

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
    values[2] = message_id_text(message);
    values[3] = answer_hex("\\x", message->ordering_key);
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

struct answer statement_take_outbox(struct database *database, const struct pg_params *params)
{
    const int64_t most = param_int(params, 1);
    const int64_t lease_us = param_int(params, 2) * MS;
    struct answer answer = answer_of(24);
    while (answer.rows < most) {
        struct outbox_row *due = NULL;
        for (struct outbox_row *row = database->outbox; row; row = row->next) {
            if (row->taken_in != database->statements && row->due_at_us <= database->now_us &&
                (!due || row->due_at_us < due->due_at_us)) {
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

struct answer statement_take_events(struct database *database, const struct pg_params *params)
{
    (void)database;
    (void)params;
    return answer_of(16); /* schedules run with OUTBOUND_EVENTS=off */
}

struct answer statement_delete_events(struct database *database, const struct pg_params *params)
{
    (void)database;
    (void)params;
    return (struct answer){.sqlstate = ""};
}

struct answer statement_delete_outbox(struct database *database, const struct pg_params *params)
{
    struct answer answer = {.sqlstate = ""};
    const bool is_current = param_int(params, 2) == database->kafka.rebuilds;
    for (struct array ids = array_of(params, 1); is_current && ids.left > 0;) {
        const int64_t id = array_next_int(&ids);
        for (struct outbox_row **at = &database->outbox; *at; at = &(*at)->next) {
            if ((*at)->id == id) {
                struct outbox_row *row = *at;
                *at = row->next;
                if (!*at) {
                    database->outbox_end = at;
                }
                answer.affected++;
                tell("PostgreSQL: …%s loses its outbox row %lld for %s", row->message->id_text + 28,
                     (long long)row->id, row->topic.bytes);
                if (database_listener.deletes) {
                    database_listener.deletes(database, row);
                }
                break;
            }
        }
    }
    return answer;
}

struct answer statement_republish(struct database *database, const struct pg_params *params)
{
    const int64_t before_us = database->now_us - param_int(params, 2) * MS;
    struct answer answer = {.sqlstate = ""};
    for (size_t i = 0; i < database->message_count && answer.affected < param_int(params, 3); i++) {
        struct message_row *message = &database->messages[i];
        const struct attempt_row *attempt = database_attempt(database, message, message->fence);
        if (message->status == STATE_QUEUED && texts_equal(message->channel, param(params, 1)) &&
            message->created_at_us < before_us && message->updated_at_us < before_us &&
            !database_is_announced(database, message) &&
            (!attempt || attempt->next_retry_at_us <= database->now_us)) {
            message->updated_at_us = database->now_us;
            database_announce(database, message, text_kept(param(params, 4)), database->now_us);
            answer.affected++;
        }
    }
    return answer;
}
