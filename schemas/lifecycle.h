/*
 * lifecycle.h - every statement that reads or changes a message.
 *
 * A change of state happens in one of these statements and nowhere else. Each is one transaction for a whole
 * batch: parameters are arrays with one element per message. lifecycle.c has the SQL with the parameters in
 * their order.
 */
#ifndef SCHEMAS_LIFECYCLE_H
#define SCHEMAS_LIFECYCLE_H

#include <stddef.h>

#include "base/pg.h"
#include "schemas/states.h"

/* Stores new messages and their outbox rows. Answers (message id, outbox id) of those that are new, in order.
 */
extern const struct pg_statement lifecycle_insert;
extern const struct pg_statement lifecycle_insert_some;
extern const struct pg_statement lifecycle_insert_told;
extern const struct pg_statement lifecycle_insert_some_told;

/* What a new message collided with: (position from 1, id, org_id, request_hash in hex, status). */
extern const struct pg_statement lifecycle_find_conflicts;

/* A message and its attempts as one JSON document; no row when there is none. */
extern const struct pg_statement lifecycle_get;

/* Takes outbox rows that are due and answers what their records are made of. */
extern const struct pg_statement lifecycle_take_outbox;

/* The next status events in their order, and what their records are made of; for one session at a time. */
extern const struct pg_statement lifecycle_take_events;

/* Forget outbox rows whose records Kafka has acknowledged. */
extern const struct pg_statement lifecycle_delete_outbox;
extern const struct pg_statement lifecycle_delete_events;

/* QUEUED → SENDING, or EXPIRED. Answers what is needed to send those that were claimed. */
extern const struct pg_statement lifecycle_claim;

/* SENDING → SENT, QUEUED, FAILED or UNKNOWN, with the attempt's row and, where one follows, an outbox row. */
extern const struct pg_statement lifecycle_finish;

/* The claims of a sender's predecessor, which had the same name, have no lease any more. */
extern const struct pg_statement lifecycle_end_leases;

/* SENDING whose lease is over → UNKNOWN, QUEUED or FAILED. Answers (id, status, channel, correlation id). */
extern const struct pg_statement lifecycle_expire_leases;

/* Announces again what is QUEUED for long and that no outbox row announces: Kafka may have lost its record.
 */
extern const struct pg_statement lifecycle_republish;

/*
 * Dead letters and their messages, for schemas/letters.h. Replay: FAILED, EXPIRED or UNKNOWN → QUEUED with an
 * outbox row; the fence stays, so the attempts that follow are numbered on. Archive: the message moves to
 * outbound_message_archive. A preview says what would become of the same letters.
 */
extern const struct pg_statement lifecycle_replay;
extern const struct pg_statement lifecycle_replay_preview;
extern const struct pg_statement lifecycle_archive;
extern const struct pg_statement lifecycle_archive_preview;

/* What a statement does to states; for the test that holds it against states.def. */
struct lifecycle_change {
    const struct pg_statement *statement;
    enum state from;
    enum state to;
};

extern const struct lifecycle_change lifecycle_changes[];
extern const size_t lifecycle_change_count;

#endif
