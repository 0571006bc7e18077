/*
 * outbox_done.h - outbox rows whose records Kafka has acknowledged: deleted, many at once.
 *
 * What is not deleted when the process ends is published once more by whoever takes the row, which does no
 * harm.
 */
#ifndef SCHEMAS_OUTBOX_DONE_H
#define SCHEMAS_OUTBOX_DONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pg.h"

struct outbox_done {
    struct pg *pg; /* the owner's */
    struct pg_params params;
    int64_t *ids;
    size_t count;
    size_t capacity;
    size_t deleting; /* how many of them, from the start, a statement is deleting */
};

void outbox_done_init(struct outbox_done *done, struct pg *pg);

/* After pg_close(). */
void outbox_done_release(struct outbox_done *done);

void outbox_done_add(struct outbox_done *done, int64_t outbox_id);

/* Deletes what there is, if it is not doing so already; to be called every now and then. */
void outbox_done_delete(struct outbox_done *done);

static inline bool outbox_done_is_empty(const struct outbox_done *done)
{
    return done->count == 0;
}

#endif
