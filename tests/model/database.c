#include "tests/model/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/lifecycle.h"
#include "schemas/topics.h"
#include "tests/model/parameters.h"
#include "tests/model/rebuild.h"
#include "tests/model/statements.h"
#include "tests/model/world.h"

struct database_listener database_listener;

void database_init(struct database *database)
{
    *database = (struct database){.outbox_end = &database->outbox, .kafka.ends = text_of("{}")};
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

struct text message_id_text(const struct message_row *message)
{
    return (struct text){message->id_text, UUID_TEXT_SIZE - 1};
}

void message_change(struct message_row *message, enum state to)
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
    tell("PostgreSQL: …%s has an outbox row %lld for %s", message->id_text + 28, (long long)row->id,
         topic.bytes);
    return row;
}

bool database_is_announced(const struct database *database, const struct message_row *message)
{
    for (const struct outbox_row *row = database->outbox; row; row = row->next) {
        if (row->message == message) {
            return true;
        }
    }
    return false;
}

static const char *or_dash(struct text text)
{
    return text.bytes ? text.bytes : "-";
}

void message_tell_anyway(struct database *database, struct message_row *message)
{
    char event[256];
    const int length = snprintf(event, sizeof event, "%s %d %s %s %s", state_name(message->status),
                                (int)message->attempt_count, or_dash(message->error_code),
                                or_dash(message->provider), or_dash(message->provider_message_id));
    struct told_event *told = WORLD_NEW(struct told_event);
    *told =
        (struct told_event){database->events, message, {world_copy(event, (size_t)length), (size_t)length}};
    database->events = told;
}

void message_tell(struct database *database, struct message_row *message, const struct pg_params *params,
                  int statuses)
{
    if (param_has(params, statuses, state_name(message->status))) {
        message_tell_anyway(database, message);
    }
}

struct attempt_row *database_attempt_new(struct database *database, struct message_row *message)
{
    struct attempt_row *attempt = WORLD_NEW(struct attempt_row);
    *attempt =
        (struct attempt_row){.next = database->attempts, .message = message, .attempt_no = message->fence};
    database->attempts = attempt;
    return attempt;
}

/* Which function is which statement. */
static const struct {
    const struct pg_statement *statement;
    statement_fn *run;
} statements[] = {
    {&lifecycle_insert, statement_insert},
    {&lifecycle_insert_told, statement_insert_told},
    {&lifecycle_insert_some, statement_insert_some},
    {&lifecycle_insert_some_told, statement_insert_some_told},
    {&lifecycle_find_conflicts, statement_find_conflicts},
    {&lifecycle_take_outbox, statement_take_outbox},
    {&lifecycle_take_events, statement_take_events},
    {&lifecycle_delete_outbox, statement_delete_outbox},
    {&lifecycle_delete_events, statement_delete_events},
    {&lifecycle_republish, statement_republish},
    {&lifecycle_claim, statement_claim},
    {&lifecycle_finish, statement_finish},
    {&lifecycle_end_leases, statement_end_leases},
    {&lifecycle_expire_leases, statement_expire_leases},
};

static struct answer run(struct database *database, const struct pg_statement *statement,
                         const struct pg_params *params)
{
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        if (statements[i].statement == statement) {
            return statements[i].run(database, params);
        }
    }
    struct answer answer;
    if (!rebuild_run(database, statement, params, &answer)) {
        (void)fprintf(stderr, "model: the statement \"%s\" is not known here\n", statement->name);
        abort();
    }
    return answer;
}

struct answer database_run(struct database *database, const struct pg_statement *statement,
                           const struct pg_params *params, int64_t now_us)
{
    database->now_us = now_us;
    database->statements++;
    const struct answer answer = run(database, statement, params);
    if (database_listener.ends) {
        database_listener.ends(database);
    }
    return answer;
}
