/*
 * sentry_dsn.h - a project's DSN: {https|http}://{key}@{host}[:{port}]/[{path}/]{project}
 * (https://develop.sentry.dev/sdk/foundations/transport/authentication/).
 */
#ifndef METRICS_SENTRY_DSN_H
#define METRICS_SENTRY_DSN_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"

struct sentry_target {
    char url[512]; /* where envelopes go */
    char key[128];
};

/* False, naming SENTRY_DSN and never showing it, when it is none. */
MUST_CHECK bool sentry_dsn_parse(const char *dsn, struct sentry_target *ret_target, struct error *error);

#endif
