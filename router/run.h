/*
 * run.h - `outbound router`: decides where a message goes next.
 */
#ifndef ROUTER_RUN_H
#define ROUTER_RUN_H

#include "schemas/config.h"

/* Runs until it is told to stop. Returns the exit code: 0; 1 when it failed; 2 when a setting is wrong. */
int router_run(const struct config *config);

#endif
