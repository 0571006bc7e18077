/*
 * audit.h - `outbound audit`: proves that no message was lost or doubled, or names those that were.
 *
 * It reads everything, in one snapshot, and changes nothing. What it looks for is the table of
 * audit_checks.c.
 */
#ifndef SCHEMAS_AUDIT_H
#define SCHEMAS_AUDIT_H

#include <stddef.h>
#include <stdio.h>

#include "schemas/config.h"

/*
 * `words`: what stands behind `audit` on the command line. Returns the exit code: 0 when all is true, 1 when
 * something is broken, 2 for a wrong command line, 3 when PostgreSQL could not be asked.
 */
int audit_run(const struct config *config, char **words, size_t count);

void audit_print_help(FILE *out);

#endif
