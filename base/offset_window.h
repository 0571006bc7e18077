/*
 * offset_window.h - which offset of a partition may be committed when records finish out of order.
 *
 * Records are taken in the order of their offsets (with gaps where the log was compacted or holds transaction
 * markers) and finish in any order. What may be committed is the offset behind the longest run of finished
 * records from the start: the contiguous prefix.
 */
#ifndef BASE_OFFSET_WINDOW_H
#define BASE_OFFSET_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offset_slot {
    int64_t offset;
    bool finished;
};

/* All zero is an empty window. */
struct offset_window {
    struct offset_slot *ring; /* records taken, oldest at `head`; capacity is a power of two */
    size_t capacity;
    size_t head;
    size_t count;
};

void offset_window_release(struct offset_window *window);

/* `offset` must be greater than every one taken before. */
void offset_window_take(struct offset_window *window, int64_t offset);

/*
 * True when the prefix grew: *ret_commit is then the offset to commit, the one behind the prefix. An offset
 * that is not in the window, or finished already, changes nothing.
 */
bool offset_window_finish(struct offset_window *window, int64_t offset, int64_t *ret_commit);

#endif
