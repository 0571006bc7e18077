/*
 * letter_record.h - the record of a message that was given up (schemas/avro/DeadLetter.avsc): its reference,
 * and why. In single-object encoding (wire.h), as the reference itself.
 */
#ifndef SCHEMAS_LETTER_RECORD_H
#define SCHEMAS_LETTER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/text.h"
#include "schemas/errors.h"
#include "schemas/reference.h"

/* Bytes; a longer reason is cut by letter_encode(), and malformed to letter_decode(). */
#define LETTER_REASON_MAX ((size_t)4096)

struct letter_record {
    struct reference reference;
    struct text error_code;
    struct text reason; /* UTF-8 */
    int32_t attempts;
    struct text failed_by;
    int64_t failed_at_ms; /* Unix time */
    struct text original_topic;
};

/* Appends the record, header included. */
void letter_encode(const struct letter_record *letter, struct buffer *into);

/* As reference_decode(): strings point into `bytes`; *ret_code is MALFORMED_RECORD or UNKNOWN_SCHEMA. */
MUST_CHECK bool letter_decode(const void *bytes, size_t length, struct letter_record *ret_letter,
                              enum error_code *ret_code);

/* The reference that a record is, or the one in a letter: for those to whom it is the same. As
 * reference_decode(). */
MUST_CHECK bool letter_or_reference_decode(const void *bytes, size_t length, struct reference *ret_reference,
                                           enum error_code *ret_code);

#endif
