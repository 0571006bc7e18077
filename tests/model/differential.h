/*
 * differential.h - the statements of database.c beside those of schemas/lifecycle.c on PostgreSQL.
 */
#ifndef MODEL_DIFFERENTIAL_H
#define MODEL_DIFFERENTIAL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Runs the sequences of `count` seeds through both; DATABASE_URL names a database that is migrated and has no
 * messages. Returns the exit code.
 */
int differential_run(uint64_t from, uint64_t count, bool verbose);

#endif
