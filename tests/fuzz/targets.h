/*
 * targets.h - the fuzz targets, for libFuzzer (one_target.c) and for the unit tests (test_fuzz_corpus.c).
 */
#ifndef TESTS_FUZZ_TARGETS_H
#define TESTS_FUZZ_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"

typedef int fuzz_target_fn(const uint8_t *bytes, size_t length);

#define FUZZ_TARGET(name) fuzz_target_fn fuzz_##name;
#include "tests/fuzz/targets.def"
#undef FUZZ_TARGET

static inline void must(bool always)
{
    if (!always) {
        abort();
    }
}

/* UTF-8 without control characters but for white space: fit for a log, a database and an answer in JSON. */
static inline void must_be_storable(const char *text, size_t length)
{
    must(utf8_is_valid(text, length));
    for (size_t i = 0; i < length; i++) {
        must((unsigned char)text[i] >= 0x20 || text[i] == '\n' || text[i] == '\r' || text[i] == '\t');
    }
}

#endif
