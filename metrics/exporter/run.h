/*
 * run.h - the exporter's entry.
 */
#ifndef METRICS_EXPORTER_RUN_H
#define METRICS_EXPORTER_RUN_H

#include "schemas/config.h"

/* Returns the exit code. */
int exporter_run(const struct config *config);

#endif
