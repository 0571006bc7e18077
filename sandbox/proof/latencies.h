/*
 * latencies.h - how long each of many things took, and percentiles of that.
 */
#ifndef SANDBOX_PROOF_LATENCIES_H
#define SANDBOX_PROOF_LATENCIES_H

#include <stddef.h>
#include <stdint.h>

/* All zero at first. */
struct latencies {
    uint32_t *us;
    size_t count;
    size_t capacity;
};

void latencies_add(struct latencies *latencies, int64_t us);

/* In ms: the smallest that `percent` of all do not exceed (nearest rank); 0 when there are none. Sorts. */
double latencies_percentile_ms(struct latencies *latencies, unsigned percent);

void latencies_release(struct latencies *latencies);

#endif
