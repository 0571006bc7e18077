/*
 * journal.h - the file in which `outbound load` keeps what it asked for and what it was answered: JSON lines.
 *
 * That a message was asked for is in the file before its request leaves, so that nothing can be sent that the
 * journal does not know. A driver that is killed leaves whole lines and perhaps half a one at the end, with
 * which the journal cannot be checked; answers of its last milliseconds that are not in it count as none.
 */
#ifndef SANDBOX_PROOF_JOURNAL_H
#define SANDBOX_PROOF_JOURNAL_H

#include "base/attributes.h"
#include "base/error.h"
#include "sandbox/proof/load_message.h"

struct journal;

/* NULL when it cannot be written, or is there and not empty. */
MUST_CHECK struct journal *journal_open(const char *path, struct error *error);

/* What was not flushed is lost. NULL is fine. */
void journal_close(struct journal *journal);

/* `by` is "http" or "kafka". Into memory, as the next one. */
void journal_asked(struct journal *journal, const struct load_message *message, const char *by);

/* How a request has ended. */
struct journal_end {
    const char *event; /* "accepted", "refused" or "unanswered" */
    const char *key;
    const char *id;   /* of the message; NULL: none is known */
    int status;       /* HTTP's; 0: none */
    const char *code; /* why, in words; NULL: none */
};

void journal_ended(struct journal *journal, const struct journal_end *end);

/* Hands all that was added to the kernel. */
MUST_CHECK bool journal_flush(struct journal *journal, struct error *error);

#endif
