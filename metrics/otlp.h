/*
 * otlp.h - hands spans to a collector: OTLP over HTTP in JSON (https://opentelemetry.io/docs/specs/otlp/).
 *
 * In the background and in batches: one request at a time, while the next batch gathers. What the collector
 * does not take for a minute, or has no room here, is dropped and counted. Nobody ever waits for it.
 */
#ifndef METRICS_OTLP_H
#define METRICS_OTLP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "metrics/trace.h"

struct otlp;

struct otlp *otlp_open(const struct tracer_options *options);
void otlp_close(struct otlp *otlp);

/* As tracer_is_drained() has it. */
bool otlp_is_drained(struct otlp *otlp);

/* Takes a span as JSON; copied. */
void otlp_add(struct otlp *otlp, const struct buffer *span);

/* Appends a KeyValue: the text, or where that is NULL the number. */
void otlp_put_attribute(struct buffer *json, const char *key, const char *text, int64_t number);

/* Appends all that stands before the spans of a request: who made them. */
void otlp_put_head(struct buffer *json, const struct tracer_options *options);

#define OTLP_TAIL "]}]}]}" /* and behind them */

/* How many spans the collector refused, by the body of its 200; `ret_why` is its word for it, or "". */
int64_t otlp_refused(const char *body, size_t length, char ret_why[256]);

#endif
