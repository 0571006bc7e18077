#include "metrics/exporter/record_times.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define MARKS_MAX ((size_t)32)

void record_times_release(struct record_times *times)
{
    free(times->known);
    free(times->marks);
    *times = (struct record_times){0};
}

/* Where the first mark behind `offset` is, or would be. */
static size_t mark_behind(const struct record_times *times, int64_t offset)
{
    size_t low = 0;
    size_t high = times->mark_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (times->marks[middle].offset > offset) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Of the older half every second one goes: the older a record is, the less its age has to be exact. */
static void thin_out(struct record_times *times)
{
    size_t kept = 0;
    for (size_t i = 0; i < times->mark_count; i++) {
        if (i >= MARKS_MAX / 2 || i % 2 == 0) {
            times->marks[kept++] = times->marks[i];
        }
    }
    times->mark_count = kept;
}

static void insert(struct record_times *times, struct time_mark mark)
{
    if (times->mark_count == MARKS_MAX) {
        thin_out(times);
    }
    if (!times->marks || times->mark_count == times->mark_room) {
        times->mark_room = times->mark_room ? times->mark_room * 2 : 4;
        times->marks = memory_resize(times->marks, times->mark_room * sizeof *times->marks);
    }
    const size_t at = mark_behind(times, mark.offset);
    memmove(&times->marks[at + 1], &times->marks[at], (times->mark_count - at) * sizeof *times->marks);
    times->marks[at] = mark;
    times->mark_count++;
}

void record_times_saw_end(struct record_times *times, int64_t end, int64_t now_ms)
{
    struct time_mark *last = times->mark_count ? &times->marks[times->mark_count - 1] : NULL;
    if (last && last->offset == end) {
        last->after_ms = now_ms;
    } else {
        insert(times, (struct time_mark){end, now_ms, now_ms});
    }
}

void record_times_mark(struct record_times *times, int64_t offset, int64_t time_ms)
{
    const size_t at = mark_behind(times, offset);
    if (at == 0 || times->marks[at - 1].offset != offset) {
        insert(times, (struct time_mark){offset, time_ms, time_ms});
    }
}

void record_times_learn(struct record_times *times, struct known_record known)
{
    known.used = true;
    for (size_t i = 0; i < times->known_count; i++) {
        struct known_record *old = &times->known[i];
        if (old->from <= known.to && known.from <= old->to) {
            const bool nothing_between = old->answer == RECORD_NONE || old->to == known.to;
            known.from = nothing_between && old->from < known.from ? old->from : known.from;
            *old = times->known[--times->known_count];
            i--;
        }
    }
    if (times->known_count == times->known_room) {
        times->known_room = times->known_room ? times->known_room * 2 : 2;
        times->known = memory_resize(times->known, times->known_room * sizeof *times->known);
    }
    times->known[times->known_count++] = known;
    if (known.answer == RECORD_AT) {
        record_times_mark(times, known.to, known.time_ms);
    }
}

static struct known_record *known_at(struct record_times *times, int64_t offset, int64_t since_ms)
{
    for (size_t i = 0; i < times->known_count; i++) {
        struct known_record *known = &times->known[i];
        if (known->from <= offset && offset <= known->to && known->looked_ms >= since_ms) {
            return known;
        }
    }
    return NULL;
}

enum record_answer record_times_find(struct record_times *times, int64_t *offset, int64_t end,
                                     int64_t since_ms, int64_t *ret_time_ms)
{
    struct known_record *known;
    while (*offset < end && (known = known_at(times, *offset, since_ms))) {
        known->used = true;
        if (known->answer != RECORD_NONE) {
            *ret_time_ms = known->time_ms;
            return known->answer;
        }
        if (known->to == *offset) {
            return RECORD_UNKNOWN;
        }
        *offset = known->to;
    }
    return *offset < end ? RECORD_UNKNOWN : RECORD_NONE;
}

bool record_times_bounds(const struct record_times *times, int64_t offset, int64_t *ret_from_ms,
                         int64_t *ret_to_ms)
{
    const size_t behind = mark_behind(times, offset);
    if (behind == 0 || behind == times->mark_count) {
        return false;
    }
    *ret_from_ms = times->marks[behind - 1].after_ms;
    *ret_to_ms = times->marks[behind].before_ms;
    return true;
}

void record_times_forget(struct record_times *times)
{
    size_t kept = 0;
    for (size_t i = 0; i < times->known_count; i++) {
        if (times->known[i].used) {
            times->known[kept] = times->known[i];
            times->known[kept++].used = false;
        }
    }
    times->known_count = kept;
}
