/*
 * database.h - the tables of the life cycle in memory, and what each statement of schemas/lifecycle.c does to
 * them.
 *
 * A statement is one transaction, one after the other. `tests/model --differential` holds it against the real
 * statements on PostgreSQL.
 */
#ifndef MODEL_DATABASE_H
#define MODEL_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pg.h"
#include "base/text.h"
#include "base/uuid.h"
#include "schemas/states.h"
#include "tests/model/answer.h"

#define MESSAGES_MAX 64

/* Times are Unix time in microseconds, 0 for null; texts are the world's, NULL bytes for null. */
struct message_row {
    struct uuid id;
    char id_text[UUID_TEXT_SIZE];
    struct text org_id;
    int64_t dossier_id;
    struct text channel;
    struct text priority;
    struct text to;
    struct text template_code;
    struct text subject;
    struct text payload;
    struct text correlation_id;
    struct text idempotency_key;
    struct text request_hash;
    struct text source;
    struct text ordering_key;
    struct text traceparent;
    struct text tracestate;
    int64_t expires_at_us;
    int32_t max_attempts;
    enum state status;
    int32_t attempt_count;
    int32_t fence;
    int32_t generation;
    int64_t lease_until_us;
    bool hold_unknown;
    struct text claimed_by;
    struct text error_code;
    struct text error_message;
    struct text provider;
    struct text provider_message_id;
    int64_t created_at_us;
    int64_t updated_at_us;
    int64_t sent_at_us;
};

struct attempt_row {
    struct attempt_row *next;
    struct message_row *message;
    int32_t attempt_no;
    struct text outcome;
    struct text provider;
    struct text provider_message_id;
    struct text http_status;
    struct text error_code;
    struct text error_message;
    int64_t started_at_us;
    int64_t finished_at_us;
    int64_t next_retry_at_us;
};

struct outbox_row {
    struct outbox_row *next;
    int64_t id;
    struct message_row *message;
    struct text topic;
    int32_t fence;
    int64_t due_at_us;
    uint64_t taken_in; /* the statement that took it last */
};

/* One of those in a row of outbound_event_outbox. */
struct told_event {
    struct told_event *next;
    const struct message_row *message;
    struct text event;
};

struct process;

/* outbound_kafka. */
struct kafka_row {
    int64_t rebuilds;
    int64_t lost_in; /* the rebuild that found all topics lost last; 0: none */
    struct text cluster_id;
    struct text ends;
    int64_t begun_at_us;
    bool walks;
    enum state status;      /* of the messages that come next */
    struct process *reader; /* whose session has the lock, as long as it lives */
    unsigned reader_life;
};

struct database {
    struct message_row messages[MESSAGES_MAX];
    size_t message_count;
    struct attempt_row *attempts;
    struct outbox_row *outbox; /* in the order of their ids */
    struct outbox_row **outbox_end;
    int64_t outbox_ids;
    struct told_event *events;
    uint64_t statements; /* that have run */
    struct kafka_row kafka;
    int64_t now_us;         /* of the statement that runs */
    int64_t session_us;     /* when its session began */
    struct process *client; /* who runs it */
};

/* Hears what a statement does while it does it; any of them may be NULL. */
struct database_listener {
    /* A record with this fence is about to make the message SENDING or EXPIRED. */
    void (*claims)(struct message_row *message, int64_t record_fence);
    void (*changes)(struct message_row *message, enum state from, enum state to);
    /* An attempt's row is written or overwritten. */
    void (*attempt)(struct message_row *message, const struct attempt_row *attempt);
    void (*deletes)(struct database *database, const struct outbox_row *row);
    /* The statement has come to its end. */
    void (*ends)(struct database *database);
};

extern struct database_listener database_listener;

void database_init(struct database *database);

struct message_row *database_find(struct database *database, const struct uuid *id);
struct attempt_row *database_attempt(struct database *database, const struct message_row *message,
                                     int32_t attempt_no);

bool database_is_announced(const struct database *database, const struct message_row *message);
struct outbox_row *database_announce(struct database *database, struct message_row *message,
                                     struct text topic, int64_t due_at_us);

struct attempt_row *database_attempt_new(struct database *database, struct message_row *message);

void message_change(struct message_row *message, enum state to);
struct text message_id_text(const struct message_row *message);

/* EVENTS_TOLD: what the row says now, for outbound.events; or only if $statuses has its status. */
void message_tell_anyway(struct database *database, struct message_row *message);
void message_tell(struct database *database, struct message_row *message, const struct pg_params *params,
                  int statuses);

/* Runs a statement now. One that the model does not know ends the program. */
struct answer database_run(struct database *database, const struct pg_statement *statement,
                           const struct pg_params *params, int64_t now_us);

#endif
