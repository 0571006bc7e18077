/*
 * outbox_done.h - outbox rows whose records Kafka has acknowledged: deleted, many at once.
 *
 * What is not deleted when the process ends is published once more by whoever takes the row, which does no
 * harm.
 *
 * Acknowledgements count as long as no rebuild of Kafka has begun (rebuild.h) that was not known when the
 * client was opened that published the records: such a client's may be wrong. Then nothing is deleted, and
 * the rows are taken again.
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
    size_t deleting;  /* how many of them, from the start, a statement is deleting */
    bool asked;       /* a statement is under way */
    int64_t rebuilds; /* known when the client was opened; -1: it is not open yet */
};

void outbox_done_init(struct outbox_done *done, struct pg *pg);

/* What comes is of a client that is opened now; what was acknowledged by the one before is forgotten. */
void outbox_done_begin(struct outbox_done *done, int64_t rebuilds);

/* After pg_close(). */
void outbox_done_release(struct outbox_done *done);

void outbox_done_add(struct outbox_done *done, int64_t outbox_id);

/* Deletes what there is, if it is not doing so already; to be called every now and then. */
void outbox_done_delete(struct outbox_done *done);

static inline bool outbox_done_has_begun(const struct outbox_done *done)
{
    return done->rebuilds >= 0;
}

static inline bool outbox_done_is_empty(const struct outbox_done *done)
{
    return done->count == 0;
}

#endif
