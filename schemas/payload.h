/*
 * payload.h - payloadJson: the data for a message's template, JSON that a caller wrote.
 *
 * It is kept as it was written: parsing and writing it again would change its numbers. So it is checked, by
 * the same rules whichever way it comes in.
 */
#ifndef SCHEMAS_PAYLOAD_H
#define SCHEMAS_PAYLOAD_H

#include <jansson.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/text.h"
#include "schemas/violations.h"

#define PAYLOAD_MAX ((size_t)256 * 1024) /* bytes */
#define PAYLOAD_DEPTH_MAX 31

struct payload_problem {
    size_t position; /* the byte at which it was noticed */
    char text[256];  /* completes a sentence that starts with the field */
};

/*
 * Parses JSON that may be anything: not nested deeper than `depth_max`, no member twice. A NUL written as an
 * escape is left for payload_refusal(). NULL: *ret_problem says why. The result is the caller's to decref.
 */
MUST_CHECK json_t *payload_parse(const char *text, size_t length, size_t depth_max,
                                 struct payload_problem *ret_problem);

/* Why a parsed value is no payload; NULL when it is one. */
MUST_CHECK const char *payload_refusal(const json_t *value);

/* All rules, for a payload that comes as text; adds to the violations of payloadJson. */
void payload_check(struct text payload, struct violations *violations);

#endif
