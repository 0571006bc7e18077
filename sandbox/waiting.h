/*
 * waiting.h - requests whose answer is not due yet, or never.
 *
 * Thousands may wait: they share one timer and stand in a heap. A request whose client has gone away is let
 * go within a second or two.
 */
#ifndef SANDBOX_WAITING_H
#define SANDBOX_WAITING_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/http_server.h"

#define WAIT_FOREVER INT64_MAX

struct waiting;

/* One that waits; part of a larger struct that lives as long as the request. */
struct waiter {
    struct http_request *http;
    int64_t due_us; /* monotonic, or WAIT_FOREVER */
};

/* Those that are due now, in order; each has to be answered. */
typedef void waiting_due_fn(void *arg, struct waiter *const *due, size_t count);

struct waiting *waiting_new(uv_loop_t *loop, waiting_due_fn *on_due, void *arg);

/* Nothing may wait any more (see waiting_end). NULL is fine. */
void waiting_close(struct waiting *waiting);

/* What is due already is handed on within the same iteration of the loop, together with its like. */
void waiting_add(struct waiting *waiting, struct waiter *waiter);

/* Everything is due now, also what will be added. */
void waiting_end(struct waiting *waiting);

#endif
