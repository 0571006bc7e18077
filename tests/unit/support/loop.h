/*
 * loop.h - the event loop of a test.
 */
#ifndef TESTS_UNIT_SUPPORT_LOOP_H
#define TESTS_UNIT_SUPPORT_LOOP_H

#include <uv.h>

struct test_loop {
    uv_loop_t uv;
    uv_timer_t tick; /* a condition is looked at again soon, whatever made it true */
};

void loop_open(struct test_loop *loop);

/* Lets closed handles go and closes the loop; one that is still open fails the test. */
void loop_close(struct test_loop *loop);

/* Runs the loop until the condition holds. What never comes ends with time_limit(). */
#define LOOP_UNTIL(loop, condition)                 \
    do {                                            \
        while (!(condition)) {                      \
            (void)uv_run(&(loop)->uv, UV_RUN_ONCE); \
        }                                           \
    } while (0)

#endif
