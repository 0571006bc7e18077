#include <stdlib.h>

#include "base/memory.h"
#include "metrics/exporter/exporter.h"

struct pg_collector {
    struct exporter *exporter;
};

struct pg_collector *pg_collector_open(struct exporter *exporter, struct error *error)
{
    (void)error;
    struct pg_collector *collector = NEW(struct pg_collector);
    collector->exporter = exporter;
    return collector;
}

void pg_collector_close(struct pg_collector *collector)
{
    free(collector);
}
