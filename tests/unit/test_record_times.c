#include "metrics/exporter/record_times.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "support/leaks.h"

TestSuite(record_times, .fini = no_leaks);

static enum record_answer find(struct record_times *times, int64_t offset, int64_t end, int64_t *ret_from,
                               int64_t *ret_time_ms)
{
    *ret_from = offset;
    return record_times_find(times, ret_from, end, 0, ret_time_ms);
}

/* A read from 10 on has found 15: the answer for all between them, and for nothing else. */
Test(record_times, an_answer_holds_up_to_its_record)
{
    struct record_times times = {0};
    int64_t from;
    int64_t time_ms = 0;
    record_times_learn(&times, (struct known_record){10, 15, 500, 1, RECORD_AT, false});
    cr_expect(eq(int, find(&times, 10, 100, &from, &time_ms), RECORD_AT));
    cr_expect(eq(int, find(&times, 15, 100, &from, &time_ms), RECORD_AT));
    cr_expect(eq(i64, time_ms, 500));
    cr_expect(eq(int, find(&times, 9, 100, &from, &time_ms), RECORD_UNKNOWN));
    cr_expect(eq(int, find(&times, 16, 100, &from, &time_ms), RECORD_UNKNOWN));
    cr_expect(eq(int, find(&times, 100, 100, &from, &time_ms), RECORD_NONE));
    record_times_release(&times);
}

/* Only markers up to 20: nothing waits until the end grows, and then the rest has to be read, not all of it.
 */
Test(record_times, nothing_is_an_answer_too)
{
    struct record_times times = {0};
    int64_t from;
    int64_t time_ms = 0;
    record_times_learn(&times, (struct known_record){10, 20, 0, 1, RECORD_NONE, false});
    cr_expect(eq(int, find(&times, 12, 20, &from, &time_ms), RECORD_NONE));
    cr_expect(eq(int, find(&times, 12, 21, &from, &time_ms), RECORD_UNKNOWN));
    cr_expect(eq(i64, from, 20));
    record_times_learn(&times, (struct known_record){20, 22, 700, 2, RECORD_AT, false});
    cr_expect(eq(int, find(&times, 12, 30, &from, &time_ms), RECORD_AT));
    cr_expect(eq(i64, time_ms, 700));
    record_times_release(&times);
}

/* What was looked at too long ago does not count; a new look takes its place. */
Test(record_times, answers_grow_old)
{
    struct record_times times = {0};
    int64_t from = 10;
    int64_t time_ms = 0;
    record_times_learn(&times, (struct known_record){10, 15, 500, 1000, RECORD_AT, false});
    cr_expect(eq(int, record_times_find(&times, &from, 100, 1001, &time_ms), RECORD_UNKNOWN));
    record_times_learn(&times, (struct known_record){10, 18, 800, 2000, RECORD_AT, false});
    cr_expect(eq(int, record_times_find(&times, &from, 100, 1001, &time_ms), RECORD_AT));
    cr_expect(eq(i64, time_ms, 800));
    cr_expect(eq(sz, times.known_count, 1));
    record_times_release(&times);
}

Test(record_times, what_nobody_asks_for_is_forgotten)
{
    struct record_times times = {0};
    int64_t from;
    int64_t time_ms;
    record_times_learn(&times, (struct known_record){10, 15, 500, 1, RECORD_AT, false});
    record_times_learn(&times, (struct known_record){30, 35, 600, 1, RECORD_AT, false});
    record_times_forget(&times);
    (void)find(&times, 30, 100, &from, &time_ms);
    record_times_forget(&times);
    cr_expect(eq(int, find(&times, 30, 100, &from, &time_ms), RECORD_AT));
    cr_expect(eq(int, find(&times, 10, 100, &from, &time_ms), RECORD_UNKNOWN));
    record_times_release(&times);
}

/* The end was at 10 at 1000 and 2000, at 20 at 3000: the records between them were written in the last
 * second. */
Test(record_times, ends_that_were_seen_are_bounds)
{
    struct record_times times = {0};
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    record_times_saw_end(&times, 10, 1000);
    record_times_saw_end(&times, 10, 2000);
    record_times_saw_end(&times, 20, 3000);
    cr_expect(not(record_times_bounds(&times, 9, &from_ms, &to_ms)));
    cr_expect(record_times_bounds(&times, 10, &from_ms, &to_ms));
    cr_expect(eq(i64, from_ms, 2000));
    cr_expect(eq(i64, to_ms, 3000));
    cr_expect(record_times_bounds(&times, 19, &from_ms, &to_ms));
    cr_expect(not(record_times_bounds(&times, 20, &from_ms, &to_ms)));
    record_times_mark(&times, 15, 2500);
    cr_expect(record_times_bounds(&times, 14, &from_ms, &to_ms));
    cr_expect(eq(i64, to_ms, 2500));
    cr_expect(record_times_bounds(&times, 15, &from_ms, &to_ms));
    cr_expect(eq(i64, from_ms, 2500));
    record_times_release(&times);
}

/* Bounded memory: what is recent stays exact, what is old only coarse. */
Test(record_times, many_ends)
{
    struct record_times times = {0};
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    for (int64_t i = 0; i < 10000; i++) {
        record_times_saw_end(&times, i, i * 1000);
    }
    cr_expect(le(sz, times.mark_count, 64));
    cr_expect(record_times_bounds(&times, 9990, &from_ms, &to_ms));
    cr_expect(eq(i64, to_ms - from_ms, 1000));
    cr_expect(record_times_bounds(&times, 9000, &from_ms, &to_ms));
    cr_expect(le(i64, from_ms, 9000000));
    cr_expect(ge(i64, to_ms, 9000000));
    record_times_release(&times);
}
