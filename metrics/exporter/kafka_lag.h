/*
 * kafka_lag.h - how far each group is behind, in records and in time, and what it has lost.
 */
#ifndef METRICS_EXPORTER_KAFKA_LAG_H
#define METRICS_EXPORTER_KAFKA_LAG_H

#include "metrics/exporter/kafka_reader.h"
#include "metrics/exporter/kafka_view.h"

/*
 * Sets lag, age_ms and lost of every position. Reads with `reader` where the age is not known; when there is
 * more to read than one collection, of which there is one each `interval_ms`, may cost, what is known of the
 * time between two collections has to do.
 */
void kafka_lag_look(struct kafka_view *view, struct kafka_reader *reader, int64_t interval_ms);

#endif
