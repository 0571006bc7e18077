/*
 * pg_numbers.h - what the exporter asks PostgreSQL, and what it shows of the answers.
 */
#ifndef METRICS_EXPORTER_PG_NUMBERS_H
#define METRICS_EXPORTER_PG_NUMBERS_H

#include <stddef.h>

#include "base/pg.h"
#include "metrics/metrics.h"

#define PG_NUMBER_METRICS 12

struct pg_number {
    struct pg_statement
        statement; /* without parameters; its cost does not depend on how many rows there are */
    void (*show)(const PGresult *rows, struct metrics *metrics);
    enum metric metrics[PG_NUMBER_METRICS]; /* those that show() sets, METRIC_COUNT at the end */
};

extern const struct pg_number pg_numbers[];
extern const size_t pg_number_count;

#endif
