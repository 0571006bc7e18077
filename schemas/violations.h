/*
 * violations.h - what is wrong with a request, field by field.
 */
#ifndef SCHEMAS_VIOLATIONS_H
#define SCHEMAS_VIOLATIONS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"

#define VIOLATIONS_MAX 16

struct violation {
    const char *field;  /* name of a member or a header; "body" when it is none of them */
    const char *detail; /* completes a sentence that starts with the field */
};

/* The first VIOLATIONS_MAX are kept; text lives in the arena. */
struct violations {
    struct arena *arena;
    size_t count;
    struct violation items[VIOLATIONS_MAX];
};

void violation_add(struct violations *violations, const char *field, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
