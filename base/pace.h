/*
 * pace.h - how soon after a batch the next one begins.
 *
 * A statement costs PostgreSQL about as much as twenty of its rows do, whatever is in it. When much comes,
 * waiting a little makes fewer and larger batches of it: a batch puts off the next by so many microseconds
 * for each of its items, and by PACE_MAX_US at most. Above 1,000,000 / item_us items a second batches so
 * grow; below they shrink again, and what comes alone does not wait.
 *
 * Plain data; all zeros is one that has seen no batch yet.
 */
#ifndef BASE_PACE_H
#define BASE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_MAX_US 10000

struct pace {
    int64_t next_us; /* monotonic */
};

/* A batch of so many begins now; each puts off the next batch by item_us (1 to PACE_MAX_US). */
static inline void pace_begin(struct pace *pace, int64_t now_us, size_t count, int64_t item_us)
{
    const bool little = count < (size_t)(PACE_MAX_US / item_us);
    pace->next_us = now_us + (little ? (int64_t)count * item_us : PACE_MAX_US);
}

/* For how long the next one has to wait, in whole milliseconds, as timers have it; 0, also for less than one:
 * not at all. */
static inline uint64_t pace_wait_ms(const struct pace *pace, int64_t now_us)
{
    return pace->next_us > now_us ? (uint64_t)(pace->next_us - now_us) / 1000 : 0;
}

#endif
