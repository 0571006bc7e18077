/*
 * run.h - `outbound producer`: takes messages in over HTTP, stores them, hands them to Kafka.
 */
#ifndef PRODUCER_RUN_H
#define PRODUCER_RUN_H

#include "schemas/config.h"

/* Runs until it is told to stop. Returns the exit code: 0; 1 when it failed; 2 when a setting is wrong. */
int producer_run(const struct config *config);

#endif
