/*
 * ops.h - `outbound ops`: the procedures of the production runbook as commands (docs/runbook).
 *
 * What a command changes, it changes as a person's SQL would: the triggers of 0003_operators.sql give both
 * the same effect. Dead letters have commands of their own (`outbound dlq`).
 */
#ifndef SCHEMAS_OPS_H
#define SCHEMAS_OPS_H

#include <stddef.h>
#include <stdio.h>

#include "schemas/config.h"

/*
 * `words`: what stands behind `ops` on the command line. Prints a table, or one JSON object per row. Returns
 * the exit code: 0, 1 when PostgreSQL could not do it, 2 for a wrong command line; then nothing was changed.
 */
int ops_run(const struct config *config, char **words, size_t count);

void ops_print_help(FILE *out);

#endif
