/*
 * kafka_render.h - a view in the text format of Prometheus: a family after the other, as metrics.def names
 * them.
 */
#ifndef METRICS_EXPORTER_KAFKA_RENDER_H
#define METRICS_EXPORTER_KAFKA_RENDER_H

#include "base/buffer.h"
#include "metrics/exporter/kafka_view.h"

void kafka_render(const struct kafka_view *view, struct buffer *into);

/* Decimal digits of `value` behind the text; `thousandths`: with a decimal point before the last three. */
void render_number(struct buffer *into, int64_t value, bool thousandths);

#endif
