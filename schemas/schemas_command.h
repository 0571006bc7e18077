/*
 * schemas_command.h - `outbound schemas`: the Avro schemas against what was released and what a registry has.
 */
#ifndef SCHEMAS_SCHEMAS_COMMAND_H
#define SCHEMAS_SCHEMAS_COMMAND_H

#include <stddef.h>
#include <stdio.h>

#include "schemas/config.h"

/*
 * `words`: what stands behind `schemas` on the command line. Returns the exit code: 0, 1 when a schema is not
 * compatible or the registry could not be asked, 2 for a wrong command line or setting; then nothing was
 * done.
 */
int schemas_run(const struct config *config, char **words, size_t count);

void schemas_print_help(FILE *out);

#endif
