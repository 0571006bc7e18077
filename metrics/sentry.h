/*
 * sentry.h - reports the log's ERROR lines to Sentry, or to another server of its protocol.
 *
 * Like the log there is one of it in a process: it hears the log, keeps the last lines as breadcrumbs, and
 * sends an event for each ERROR in the background. It is never in the way: what it cannot get rid of it
 * forgets. Events are few (32 wait at most, 10 of a kind in a minute), sent one at a time, kept back as long
 * as the server asks for, and tried three times.
 */
#ifndef METRICS_SENTRY_H
#define METRICS_SENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/error.h"

/* The strings must outlive the process's logging. */
struct sentry_options {
    const char *dsn;
    const char *environment;
    const char *release; /* e.g. "outbound@0.1.0" */
    const char *logger;  /* the role */
};

/* Begins to listen. False, naming SENTRY_DSN, when that is none. */
MUST_CHECK bool sentry_open(const struct sentry_options *options, struct error *error);

/* Events are sent on this loop from now on. Without sentry_open() this and what follows does nothing. */
void sentry_attach(uv_loop_t *loop);

/* Before the loop is closed: what is on its way comes back, and is sent again by sentry_close(). */
void sentry_detach(void);

/* Sends what is left, within two seconds, and stops listening. */
void sentry_close(void);

/* What became of the events so far. */
struct sentry_counts {
    uint64_t sent;
    uint64_t limited; /* not wanted by the server now, or the same again and again */
    uint64_t dropped; /* the server was away, did not take it, or too many waited */
};

struct sentry_counts sentry_counts(void);

#endif
