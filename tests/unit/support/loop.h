/*
 * loop.h - the event loop of a test.
 */
#ifndef TESTS_UNIT_SUPPORT_LOOP_H
#define TESTS_UNIT_SUPPORT_LOOP_H

#include <uv.h>

/* Runs the loop until the condition holds. What never comes ends with the time-out of the test's suite. */
#define LOOP_UNTIL(loop, condition)            \
    do {                                       \
        while (!(condition)) {                 \
            (void)uv_run((loop), UV_RUN_ONCE); \
        }                                      \
    } while (0)

/* Lets closed handles go and closes the loop; one that is still open fails the test. */
#define LOOP_CLOSE(loop)                            \
    do {                                            \
        (void)uv_run((loop), UV_RUN_DEFAULT);       \
        cr_assert(eq(int, uv_loop_close(loop), 0)); \
    } while (0)

#endif
