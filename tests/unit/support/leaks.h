/*
 * leaks.h - a test that leaks memory fails (where LeakSanitizer is there to tell).
 */
#ifndef TESTS_UNIT_SUPPORT_LEAKS_H
#define TESTS_UNIT_SUPPORT_LEAKS_H

/* For TestSuite(…, .fini = no_leaks). */
void no_leaks(void);

#endif
