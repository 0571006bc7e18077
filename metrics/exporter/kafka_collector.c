#include <stdlib.h>

#include "base/memory.h"
#include "metrics/exporter/exporter.h"

struct kafka_collector {
    struct exporter *exporter;
};

struct kafka_collector *kafka_collector_open(struct exporter *exporter, struct error *error)
{
    (void)error;
    struct kafka_collector *collector = NEW(struct kafka_collector);
    collector->exporter = exporter;
    return collector;
}

void kafka_collector_close(struct kafka_collector *collector)
{
    free(collector);
}

void kafka_collector_expose(struct kafka_collector *collector, struct buffer *into)
{
    (void)collector;
    (void)into;
}
