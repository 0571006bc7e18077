#include "tests/model/parameters.h"
#include "tests/model/statements.h"
#include "tests/model/world.h"

struct answer statement_claim(struct database *database, const struct pg_params *params)
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
        message->claimed_by = text_kept(param(params, 8));
        message->lease_until_us = now_us + param_int(params, 4) * MS;
        message_change(message, expired ? STATE_EXPIRED : STATE_SENDING);
    }
    const struct text dlq = text_kept(param(params, 5));
    struct answer answer = answer_of(14);
    for (size_t i = 0; i < database->message_count; i++) {
        if (claimed[i]) {
            message_tell(database, &database->messages[i], params, 7);
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

struct answer statement_finish(struct database *database, const struct pg_params *params)
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
        message->error_code = text_kept(error_code);
        message->error_message = text_kept(error_message);
        message->provider = text_kept(provider);
        if (provider_message_id.bytes) {
            message->provider_message_id = text_kept(provider_message_id);
        }
        message->lease_until_us = 0;
        message->attempt_count -= text_is(error_code, "NOT_STARTED");
        message->updated_at_us = now_us;
        message->sent_at_us = sent ? now_us : message->sent_at_us;
        struct attempt_row *attempt = database_attempt(database, message, message->fence);
        const bool overwritten = attempt;
        attempt = attempt ? attempt : database_attempt_new(database, message);
        attempt->outcome = text_kept(outcome);
        attempt->provider = message->provider;
        attempt->provider_message_id = text_kept(provider_message_id);
        attempt->http_status = http_status.bytes ? answer_int(number_of(http_status)) : (struct text){0};
        attempt->error_code = message->error_code;
        attempt->error_message = message->error_message;
        attempt->started_at_us = now_us - duration_us;
        attempt->finished_at_us = now_us;
        attempt->next_retry_at_us = state == STATE_QUEUED && !overwritten ? now_us + delay_us : 0;
        message_change(message, state);
        if (database_listener.attempt) {
            database_listener.attempt(message, attempt);
        }
        message_tell(database, message, params, 14);
        if (topic.bytes && announced_count < MESSAGES_MAX) {
            announced[announced_count].message = message;
            announced[announced_count].topic = text_kept(topic);
            announced[announced_count++].due_at_us = now_us + hold_us;
        }
        answer_row(&answer)[0] = answer_int(position);
    }
    for (size_t i = 0; i < announced_count; i++) {
        database_announce(database, announced[i].message, announced[i].topic, announced[i].due_at_us);
    }
    return answer;
}
