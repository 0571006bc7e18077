#include "sandbox/proof/latencies.h"

#include <stdlib.h>

#include "base/memory.h"

#define CAPACITY_MIN 1024

void latencies_add(struct latencies *latencies, int64_t us)
{
    if (latencies->count == latencies->capacity) {
        latencies->capacity = latencies->capacity ? latencies->capacity * 2 : CAPACITY_MIN;
        latencies->us = memory_resize(latencies->us, latencies->capacity * sizeof *latencies->us);
    }
    latencies->us[latencies->count++] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static int by_length(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

double latencies_percentile_ms(struct latencies *latencies, unsigned percent)
{
    if (latencies->count == 0) {
        return 0;
    }
    qsort(latencies->us, latencies->count, sizeof *latencies->us, by_length);
    const size_t rank = (latencies->count * percent + 99) / 100;
    return (double)latencies->us[rank > 0 ? rank - 1 : 0] / 1000;
}

void latencies_release(struct latencies *latencies)
{
    free(latencies->us);
    *latencies = (struct latencies){0};
}
