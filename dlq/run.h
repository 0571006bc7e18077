/*
 * run.h - `outbound dlq`: takes dead letters in, shows them, and brings them back.
 */
#ifndef DLQ_RUN_H
#define DLQ_RUN_H

#include <stdio.h>

#include "schemas/config.h"

/*
 * Runs `outbound dlq` with the words and options behind it. Returns the exit code: 0; 1 when it failed; 2
 * when something asked for is wrong or not there, and then nothing was changed.
 */
int dlq_run(const struct config *config, char **arguments, size_t count);

/* The commands and their options. */
void dlq_print_help(FILE *out);

#endif
