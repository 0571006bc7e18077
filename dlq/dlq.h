/*
 * dlq.h - what the commands of `outbound dlq` have in common, and where each is.
 *
 *   options.c   the command line
 *   consume.c   the role: from the topic into PostgreSQL
 *   look.c      stats, list, show
 *   change.c    replay, archive, discard: batch after batch
 */
#ifndef DLQ_DLQ_H
#define DLQ_DLQ_H

#include <libpq-fe.h>

#include "base/pg.h"
#include "dlq/options.h"
#include "schemas/config.h"
#include "schemas/letters.h"

#define EXIT_FINE 0
#define EXIT_FAILED 1
#define EXIT_WRONG 2

int dlq_consume(const struct config *config);
int dlq_look(PGconn *connection, struct dlq_options *options);
int dlq_change(const struct config *config, PGconn *connection, struct dlq_options *options);

/*
 * Puts the letters that are meant in place of the ids as given, if any. False, with the exit code, after it
 * has said what is wrong.
 */
MUST_CHECK bool dlq_resolve_ids(PGconn *connection, struct letter_filter *filter,
                                const struct letter_action *action, int *ret_exit_code);

/* Says on standard error why the command ends; returns `exit_code`. */
int dlq_complain(int exit_code, const char *why);

#endif
