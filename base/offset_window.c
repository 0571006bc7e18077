#include "base/offset_window.h"

#include <stdlib.h>

#include "base/memory.h"

static struct offset_slot *slot_at(const struct offset_window *window, size_t index)
{
    return &window->ring[(window->head + index) & (window->capacity - 1)];
}

static void grow(struct offset_window *window)
{
    const size_t capacity = window->capacity ? window->capacity * 2 : 64;
    struct offset_slot *ring = NEW_ARRAY(struct offset_slot, capacity);
    for (size_t i = 0; i < window->count; i++) {
        ring[i] = *slot_at(window, i);
    }
    free(window->ring);
    *window = (struct offset_window){.ring = ring, .capacity = capacity, .count = window->count};
}

void offset_window_release(struct offset_window *window)
{
    free(window->ring);
    *window = (struct offset_window){0};
}

void offset_window_take(struct offset_window *window, int64_t offset)
{
    if (window->count == window->capacity) {
        grow(window);
    }
    *slot_at(window, window->count++) = (struct offset_slot){.offset = offset};
}

static struct offset_slot *find(const struct offset_window *window, int64_t offset)
{
    size_t from = 0;
    size_t to = window->count;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        struct offset_slot *slot = slot_at(window, middle);
        if (slot->offset == offset) {
            return slot;
        }
        if (slot->offset < offset) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

bool offset_window_finish(struct offset_window *window, int64_t offset, int64_t *ret_commit)
{
    struct offset_slot *slot = find(window, offset);
    if (!slot) {
        return false;
    }
    slot->finished = true;
    bool grew = false;
    while (window->count > 0 && slot_at(window, 0)->finished) {
        *ret_commit = slot_at(window, 0)->offset + 1;
        window->head = (window->head + 1) & (window->capacity - 1);
        window->count--;
        grew = true;
    }
    return grew;
}
