/*
 * record_times.h - what is known about when the records of a partition were written.
 *
 * Two kinds of knowledge. What was read: from a committed offset on, which record comes first and when it was
 * written. Its answer holds for every offset up to that record, for good: records do not change. And what was
 * seen: where the partition ended at each collection. A record was written between the two collections that
 * found the end before it and behind it. That costs nothing and tells when, but not whether there is one:
 * markers of transactions, aborted and compacted records have offsets, too.
 */
#ifndef METRICS_EXPORTER_RECORD_TIMES_H
#define METRICS_EXPORTER_RECORD_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_answer {
    RECORD_UNKNOWN,
    RECORD_NONE,      /* nothing is there that a consumer would get */
    RECORD_UNDECIDED, /* it belongs to a transaction that is neither committed nor aborted; it waits, too */
    RECORD_AT
};

/* The first record at or after any offset of [from, to] is at `to`; RECORD_NONE: there is none before `to`.
 */
struct known_record {
    int64_t from;
    int64_t to;
    int64_t time_ms;
    int64_t looked_ms;
    enum record_answer answer;
    bool used; /* since the last record_times_forget() */
};

/* Records before `offset` are from `before_ms` or earlier, the others from `after_ms` or later. */
struct time_mark {
    int64_t offset;
    int64_t before_ms;
    int64_t after_ms;
};

struct record_times {
    struct known_record *known;
    size_t known_count;
    size_t known_room;
    struct time_mark *marks; /* in the order of their offsets */
    size_t mark_count;
    size_t mark_room;
};

void record_times_release(struct record_times *times);

/* The partition ends at `end` now. */
void record_times_saw_end(struct record_times *times, int64_t end, int64_t now_ms);

/* A read has found this. */
void record_times_learn(struct record_times *times, struct known_record known);

/* A record at `offset` was written at `time_ms`. */
void record_times_mark(struct record_times *times, int64_t offset, int64_t time_ms);

/*
 * What is the first record at or after `*offset` in a partition that ends at `end`? RECORD_UNKNOWN moves
 * `*offset` to where a read should begin: behind what is known to hold nothing. What was looked at before
 * `since_ms` does not count. RECORD_AT and RECORD_UNDECIDED come with the record's time.
 */
enum record_answer record_times_find(struct record_times *times, int64_t *offset, int64_t end,
                                     int64_t since_ms, int64_t *ret_time_ms);

/*
 * Between which times a record at `offset`, which is before the end, was written. False: nothing is known of
 * the earlier one.
 */
bool record_times_bounds(const struct record_times *times, int64_t offset, int64_t *ret_from_ms,
                         int64_t *ret_to_ms);

/* Forgets what nobody has asked for since the last time. */
void record_times_forget(struct record_times *times);

#endif
