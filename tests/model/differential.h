/*
 * differential.h - the statements of database.c beside those of schemas/lifecycle.c on PostgreSQL.
 */
#ifndef MODEL_DIFFERENTIAL_H
#define MODEL_DIFFERENTIAL_H

#include <stdbool.h>
#include <stdint.h>

/* Runs `count` random sequences through both; DATABASE_URL names an empty, migrated database. Returns the
 * exit code. */
int differential_run(uint64_t count, bool verbose);

#endif
