/*
 * run.h - `outbound sender`: delivers the messages of one channel.
 */
#ifndef SENDERS_RUN_H
#define SENDERS_RUN_H

#include "schemas/config.h"

/* Runs until it is told to stop. Returns the exit code: 0; 1 when it failed; 2 when a setting is wrong. */
int sender_run(const struct config *config);

#endif
