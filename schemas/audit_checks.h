/*
 * audit_checks.h - what has to be true of the tables at any time, whoever changed them, by a role or by hand.
 */
#ifndef SCHEMAS_AUDIT_CHECKS_H
#define SCHEMAS_AUDIT_CHECKS_H

#include <stddef.h>

struct audit_check {
    const char *name;
    const char *sentence; /* what is true when all is well */
    const char *sql; /* answers (id, detail), both text, of what breaks it; $1: OUTBOUND_REPUBLISH_AFTER_MS */
};

extern const struct audit_check audit_checks[];
extern const size_t audit_check_count;

/* One row: accepted, then what became of it; the columns' names are its parts. */
extern const char audit_counts_sql[];

#endif
