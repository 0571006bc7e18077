/*
 * clock.h - the two clocks of a process.
 *
 * Deadlines use the monotonic clock. The wall clock only labels things (logs, ids, what a person reads);
 * wall-clock decisions belong to PostgreSQL, whose clock all processes share.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_monotonic_us(void);
int64_t clock_monotonic_ms(void);

/* Since 1970-01-01T00:00:00Z. */
int64_t clock_wall_us(void);
int64_t clock_wall_ms(void);

#define CLOCK_RFC3339_SIZE 32

/* Writes e.g. "2026-01-31T23:59:59.123Z" into `ret_text`. */
void clock_format_rfc3339(int64_t wall_ms, char ret_text[CLOCK_RFC3339_SIZE]);

#endif
