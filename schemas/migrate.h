/*
 * migrate.h - `outbound migrate`: brings the database to the schema this executable was built with.
 */
#ifndef SCHEMAS_MIGRATE_H
#define SCHEMAS_MIGRATE_H

#include <stddef.h>

#include "schemas/config.h"

/* One file of schemas/sql, in the order of their numbers. */
struct migration {
    const char *name;
    const char *sql;
};

extern const struct migration migrations[];
extern const size_t migration_count;

/*
 * Applies what is missing, each migration in a transaction of its own that also records it with a checksum. A
 * lock lets only one process at a time do this; the others wait and find nothing to do. With `check_only`
 * nothing is changed. Returns the exit code: 0, or 1 when it failed or (check_only) something is missing.
 */
int migrate_run(const struct config *config, bool check_only);

#endif
