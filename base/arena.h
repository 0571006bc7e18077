/*
 * arena.h - memory that is owned by a lifetime (one request, one batch), not by a pointer.
 *
 * Everything allocated from an arena is freed at once, by arena_reset() or arena_release().
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first; NULL: nothing allocated yet */
};

/* Never NULL: out of memory ends the process, as everywhere in base. Aligned for any type, zeroed. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of `length` bytes with a NUL behind them. */
char *arena_copy(struct arena *arena, const char *bytes, size_t length);
char *arena_strdup(struct arena *arena, const char *text);

/* Frees all but one chunk, which the next lifetime starts with. */
void arena_reset(struct arena *arena);

void arena_release(struct arena *arena);

#endif
