/*
 * rebuild.h - outbound_kafka's one row, and what the statements of schemas/rebuild.c do to it.
 */
#ifndef MODEL_REBUILD_H
#define MODEL_REBUILD_H

#include "tests/model/database.h"

/* True: the statement is one of those; *ret_answer is its answer. */
bool rebuild_run(struct database *database, const struct pg_statement *statement,
                 const struct pg_params *params, struct answer *ret_answer);

/* Its column `lost`. */
struct text rebuild_lost(const struct kafka_row *row);

/* Kafka is not the one that the row knows, or is still being rebuilt. */
bool rebuild_is_due(const struct database *database);

#endif
