/*
 * evidence.h - the witnesses of what became of messages: the journals of `outbound load`, Kafka, the
 * database, the file of deliveries. To be read in this order: what is taken later than the database is read,
 * is there in addition.
 */
#ifndef SANDBOX_PROOF_EVIDENCE_H
#define SANDBOX_PROOF_EVIDENCE_H

#include "base/attributes.h"
#include "base/error.h"
#include "sandbox/proof/ledger.h"
#include "schemas/config.h"

/*
 * False, naming file and line: it cannot be read, or a line is none of a journal. A line that is cut off,
 * too: it may have said that a message was accepted.
 */
MUST_CHECK bool evidence_read_journal(struct ledger *ledger, const char *path, struct error *error);

/* False: Kafka or PostgreSQL could not be asked; they are, only for messages handed over by Kafka. */
MUST_CHECK bool evidence_read_requests(struct ledger *ledger, const struct config *config,
                                       struct error *error);

/* False: PostgreSQL could not be asked. */
MUST_CHECK bool evidence_read_database(struct ledger *ledger, const struct config *config,
                                       struct error *error);

/*
 * `on_stranger` gets the ids of what a provider took and nobody has asked for. `ret_cut`: 1 when the last
 * line is cut off, 0 when it is not; it was not taken, because its answer never left. False, naming file and
 * line: it cannot be read, or is no such file.
 */
MUST_CHECK bool evidence_read_deliveries(struct ledger *ledger, const char *path,
                                         void (*on_stranger)(void *arg, const char *id), void *arg,
                                         int64_t *ret_cut, struct error *error);

#endif
