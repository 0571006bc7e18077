/*
 * load.h - `outbound load`: asks for messages at a rate, and keeps a journal of it.
 */
#ifndef SANDBOX_PROOF_LOAD_H
#define SANDBOX_PROOF_LOAD_H

#include <stddef.h>
#include <stdio.h>

#include "schemas/config.h"

/* Returns the exit code: 0; 1 when it failed; 2 for a wrong option. */
int load_run(const struct config *config, char **words, size_t count);

void load_print_help(FILE *out);

#endif
