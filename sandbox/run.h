/*
 * run.h - `outbound sandbox`: stands in for providers.
 */
#ifndef SANDBOX_RUN_H
#define SANDBOX_RUN_H

#include "schemas/config.h"

/* Runs until it is told to stop. Returns the exit code: 0; 1 when it failed; 2 when a setting is wrong. */
int sandbox_run(const struct config *config);

#endif
