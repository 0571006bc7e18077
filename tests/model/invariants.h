/*
 * invariants.h - what has to hold after each step, whatever happens: the promises of the product.
 *
 *   a 202 is said of a message that is stored                                    (callers.c, at each answer)
 *   a message that waits has a home: an outbox row or a record that is not committed
 *   (or Kafka is being rebuilt)
 *   an offset is committed when what became of its record is stored; so is that of a request from upstream
 *   an outbox row goes when its record is in Kafka
 *   states change as states.def has it; a record is good for one attempt, and not before its time
 *   an attempt begins when the one before it is decided, and its request leaves within its lease
 *   what PostgreSQL says of an attempt is what the provider saw
 *   no second delivery but after an UNKNOWN, and with the policy `hold` none at all
 *   in the end everything has come to rest, and each dead letter is in its topic
 */
#ifndef MODEL_INVARIANTS_H
#define MODEL_INVARIANTS_H

#include "tests/model/servers.h"

/* `hold`: the policy of the schedule. `clocks_differ`: records may be taken before they are due. */
void invariants_reset(bool hold, bool clocks_differ);

void invariant_said_accepted(const char *idempotency_key, const char *id_text);
void invariant_claim_answered(const struct answer *answer, const struct pg_params *params);
void invariant_request_leaves(const struct uuid *id, int32_t attempt_no, struct text to);
void invariant_taken(const struct uuid *id, int32_t attempt_no);
void invariant_commit(const struct process *process, const struct topic_log *topic, int32_t partition,
                      int64_t from, int64_t to);
void invariant_record_lost(const struct record *record);
bool topic_is_of_senders(const struct topic_log *topic);

/* A record is in Kafka. */
void invariant_record_written(const struct topic_log *topic, const struct record *record);

/* Whether nothing is left to do; with `why` it says what is. */
bool invariants_at_rest(bool why);

#endif
