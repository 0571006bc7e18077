/*
 * time_limit.h - a test that waits for something that never comes ends, as a crash.
 *
 * Criterion's own .timeout is not reliable (2.4.1 with BoxFort 0.1.2: now and then it does not fire).
 */
#ifndef TESTS_UNIT_SUPPORT_TIME_LIMIT_H
#define TESTS_UNIT_SUPPORT_TIME_LIMIT_H

/* For TestSuite(…, .init = time_limit): two minutes. */
void time_limit(void);

#endif
