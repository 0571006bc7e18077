/*
 * clocks.h - what the programs of the benchmarks measure by.
 */
#ifndef TESTS_BENCH_CLOCKS_H
#define TESTS_BENCH_CLOCKS_H

#include <time.h>

/* CLOCK_MONOTONIC, or CLOCK_PROCESS_CPUTIME_ID: the CPU time of all threads. */
static inline double clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
