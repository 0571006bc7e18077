/*
 * pace.h - how soon after a batch the next one begins.
 *
 * A statement costs PostgreSQL about as much as twenty of its rows do, whatever is in it. When much comes,
 * waiting a little makes fewer and larger batches of it: a batch puts off the next by half a millisecond for
 * each of its items, and by PACE_MAX_US at most. Above 2,000 items a second batches so grow; below they
 * shrink again, and what comes alone does not wait.
 *
 * Plain data; all zeros is one that has seen no batch yet.
 */
#ifndef BASE_PACE_H
#define BASE_PACE_H

#include <stddef.h>
#include <stdint.h>

#define PACE_ITEM_US 500
#define PACE_MAX_US 10000

struct pace {
    int64_t next_us; /* monotonic */
};

/* A batch of so many begins now. */
static inline void pace_begin(struct pace *pace, int64_t now_us, size_t count)
{
    const int64_t wait_us = count < PACE_MAX_US / PACE_ITEM_US ? (int64_t)count * PACE_ITEM_US : PACE_MAX_US;
    pace->next_us = now_us + wait_us;
}

/* For how long the next one has to wait, in whole milliseconds, as timers have it; 0, also for less than one:
 * not at all. */
static inline uint64_t pace_wait_ms(const struct pace *pace, int64_t now_us)
{
    return pace->next_us > now_us ? (uint64_t)(pace->next_us - now_us) / 1000 : 0;
}

#endif
