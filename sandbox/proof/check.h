/*
 * check.h - `outbound check`: whether what was asked for is what was delivered.
 */
#ifndef SANDBOX_PROOF_CHECK_H
#define SANDBOX_PROOF_CHECK_H

#include <stddef.h>
#include <stdio.h>

#include "schemas/config.h"

/*
 * Returns the exit code: 0 nothing is wrong or unfinished; 1 something is; 2 a wrong option, or a file that
 * is not there; 3 it cannot be checked: a file has a line that cannot be read, or PostgreSQL or Kafka could
 * not be asked.
 */
int check_run(const struct config *config, char **words, size_t count);

void check_print_help(FILE *out);

#endif
