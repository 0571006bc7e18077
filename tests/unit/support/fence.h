/*
 * fence.h - memory whose neighbours cannot be touched.
 *
 * What reads or writes one byte beside the text dies of SIGSEGV, in every build.
 */
#ifndef TESTS_UNIT_SUPPORT_FENCE_H
#define TESTS_UNIT_SUPPORT_FENCE_H

#include <stddef.h>

#define FENCE_SIZE_MAX ((size_t)64 * 1024)

/* Calls `look` with two copies of the bytes: one that ends at a fence, one that begins at one. */
void fenced(const void *bytes, size_t length, void (*look)(const char *bytes, size_t length, void *arg),
            void *arg);

#endif
