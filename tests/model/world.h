/*
 * world.h - the one thread in which all processes, servers and callers of a schedule live: virtual time, the
 * events that are to come, chance.
 *
 * Everything follows from the seed. Nothing here reads a clock, a file or a socket.
 */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

#define MS ((int64_t)1000) /* times are in microseconds */
#define SECOND (1000 * MS)

struct process;

/* Forgets everything. Each seed has an hour of its own, so that no clock goes back between schedules. */
void world_reset(uint64_t seed, bool verbose);

/* Since the schedule began; and as Unix time, which is also PostgreSQL's. */
int64_t world_now_us(void);
int64_t world_wall_us(void);

/* A number from 0 to below - 1; true once in `n`; a duration between two. */
uint64_t chance(uint64_t below);
bool one_in(uint64_t n);
int64_t between(int64_t least, int64_t most);

/* Zeroed memory that lives as long as the schedule. */
void *world_alloc(size_t size);
void *world_copy(const void *bytes, size_t size);
#define WORLD_NEW(type) ((type *)world_alloc(sizeof(type)))

/*
 * Something happens at a time. With an owner it happens in that process: not while it is frozen, and never
 * once it is dead. Events of one moment happen in the order in which they were asked for.
 */
typedef void event_fn(void *arg);
typedef uint64_t event_id; /* 0: none */
event_id event_at(struct process *owner, int64_t at_us, event_fn *happen, void *arg);
void event_cancel(event_id id); /* one that has happened, or 0, is fine */

/* The next event. False: there is none. */
bool world_step(void);
uint64_t world_steps(void);

/* An invariant is broken: the schedule ends with this sentence, the first one that is said. */
void violated(const char *format, ...) PRINTF_LIKE(1, 2);
const char *world_violation(void); /* NULL: none */

/* A line of the story, when somebody wants to hear it. */
bool world_is_told(void);
void tell(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
