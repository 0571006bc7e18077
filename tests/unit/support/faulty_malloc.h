/*
 * faulty_malloc.h - lets one allocation fail.
 *
 * The program's own malloc() comes before the C library's, also for the libraries that it is linked with. All
 * of this is about the calling thread. Not in sanitized builds, which bring a malloc() themselves.
 */
#ifndef TESTS_UNIT_SUPPORT_FAULTY_MALLOC_H
#define TESTS_UNIT_SUPPORT_FAULTY_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* The allocation number `number` from now on fails, and those after it do not; 0: none. */
void malloc_fails_at(size_t number);

/* Whether one has failed since. */
bool malloc_has_failed(void);

/* How many allocations there are that were not freed. */
size_t malloc_count(void);

#endif
