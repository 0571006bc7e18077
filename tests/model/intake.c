#include <stdlib.h>
#include <string.h>

#include "tests/model/parameters.h"
#include "tests/model/statements.h"
#include "tests/model/world.h"

#define PG_EPOCH_US ((int64_t)946684800 * 1000000)

static bool is_taken(struct database *database, const struct message_row *message)
{
    for (size_t i = 0; i < database->message_count; i++) {
        const struct message_row *other = &database->messages[i];
        if (memcmp(&other->id, &message->id, sizeof message->id) == 0 ||
            (texts_equal(other->org_id, message->org_id) && texts_equal(other->source, message->source) &&
             texts_equal(other->idempotency_key, message->idempotency_key))) {
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
        message->org_id = text_kept(array_next(&columns[1]));
        message->dossier_id = array_next_int(&columns[2]);
        message->channel = text_kept(array_next(&columns[3]));
        message->priority = text_kept(array_next(&columns[4]));
        message->to = text_kept(array_next(&columns[5]));
        message->template_code = text_kept(array_next(&columns[6]));
        message->subject = text_kept(array_next(&columns[7]));
        message->payload = text_kept(array_next(&columns[8]));
        message->correlation_id = text_kept(array_next(&columns[9]));
        message->idempotency_key = text_kept(array_next(&columns[10]));
        message->request_hash = text_kept(array_next(&columns[11]));
        const struct text expires_at = array_next(&columns[12]);
        message->expires_at_us = expires_at.bytes ? number_of(expires_at) + PG_EPOCH_US : 0;
        message->source = text_kept(array_next(&columns[13]));
        message->ordering_key = text_kept(array_next(&columns[14]));
        message->traceparent = text_kept(array_next(&columns[15]));
        message->tracestate = text_kept(array_next(&columns[16]));
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
    const struct text topic = text_kept(param(params, 17));
    for (size_t i = had; i < database->message_count; i++) {
        struct message_row *message = &database->messages[i];
        if (told) {
            message_tell_anyway(database, message);
        }
        const struct outbox_row *row =
            database_announce(database, message, topic, database->now_us + param_int(params, 18) * MS);
        struct text *values = answer_row(&answer);
        values[0] = message_id_text(message);
        values[1] = answer_int(row->id);
    }
    return answer;
}

struct answer statement_insert(struct database *database, const struct pg_params *params)
{
    return insert(database, params, false, false);
}

struct answer statement_insert_told(struct database *database, const struct pg_params *params)
{
    return insert(database, params, false, true);
}

struct answer statement_insert_some(struct database *database, const struct pg_params *params)
{
    return insert(database, params, true, false);
}

struct answer statement_insert_some_told(struct database *database, const struct pg_params *params)
{
    return insert(database, params, true, true);
}

struct answer statement_find_conflicts(struct database *database, const struct pg_params *params)
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
            if (texts_equal(message->org_id, org) && texts_equal(message->source, source) &&
                texts_equal(message->idempotency_key, key)) {
                found = message;
            }
        }
        if (found) {
            struct text *values = answer_row(&answer);
            values[0] = answer_int(position);
            values[1] = message_id_text(found);
            values[2] = found->org_id;
            values[3] = answer_hex("", found->request_hash);
            values[4] = text_of(state_name(found->status));
        }
    }
    return answer;
}
