/*
 * statements.h - what each statement of schemas/lifecycle.c does to the tables, as database.c calls it.
 */
#ifndef MODEL_STATEMENTS_H
#define MODEL_STATEMENTS_H

#include "tests/model/database.h"

typedef struct answer statement_fn(struct database *database, const struct pg_params *params);

/* intake.c: a message comes */
statement_fn statement_insert, statement_insert_told, statement_insert_some, statement_insert_some_told,
    statement_find_conflicts;

/* outbox.c: what has to be told to Kafka */
statement_fn statement_take_outbox, statement_take_events, statement_delete_outbox, statement_delete_events,
    statement_republish;

/* attempts.c: an attempt begins and ends */
statement_fn statement_claim, statement_finish;

/* expiry.c: nobody ends it */
statement_fn statement_end_leases, statement_expire_leases;

#endif
