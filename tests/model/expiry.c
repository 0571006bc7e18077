#include "tests/model/parameters.h"
#include "tests/model/statements.h"
#include "tests/model/world.h"

struct answer statement_end_leases(struct database *database, const struct pg_params *params)
{
    struct answer answer = {.sqlstate = ""};
    for (size_t i = 0; i < database->message_count; i++) {
        struct message_row *message = &database->messages[i];
        if (message->status == STATE_SENDING && texts_equal(message->channel, param(params, 1)) &&
            texts_equal(message->claimed_by, param(params, 2)) &&
            message->lease_until_us > database->now_us && message->updated_at_us < database->session_us) {
            message->lease_until_us = database->now_us;
            answer.affected++;
        }
    }
    return answer;
}

struct answer statement_expire_leases(struct database *database, const struct pg_params *params)
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
        message->error_code = text_kept(param(params, 5));
        message->error_message = text_kept(param(params, 6));
        message->lease_until_us = 0;
        message->updated_at_us = now_us;
        message_change(message, to);
        message_tell(database, message, params, 7);
        if (!database_attempt(database, message, message->fence)) {
            struct attempt_row *attempt = database_attempt_new(database, message);
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
        values[0] = message_id_text(message);
        values[1] = text_of(state_name(to));
        values[2] = message->channel;
        values[3] = message->correlation_id;
        values[4] = message->org_id;
    }
    for (size_t i = 0; i < database->message_count; i++) {
        struct message_row *message = &database->messages[i];
        if (expired[i]) {
            const bool queued = message->status == STATE_QUEUED;
            database_announce(database, message, text_kept(param(params, queued ? 3 : 4)),
                              now_us + (queued ? delay_us : 0));
        }
    }
    return answer;
}
