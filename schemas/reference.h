/*
 * reference.h - the record that stands for a message in our own topics (schemas/avro/Reference.avsc).
 *
 * Records are Avro in single-object encoding (wire.h): a record says by itself which schema wrote it.
 *
 * The codec is written by hand for this one flat record: no value tree, no allocation, nothing read beyond
 * the bytes. The tests hold it against an independent Avro implementation and the .avsc file.
 */
#ifndef SCHEMAS_REFERENCE_H
#define SCHEMAS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/text.h"
#include "base/uuid.h"
#include "schemas/avro_read.h"
#include "schemas/errors.h"

#define REFERENCE_TEXT_MAX 256 /* bytes of one string; longer is malformed */

struct reference {
    struct uuid id;
    int32_t generation;
    int32_t fence;
    struct text org_id;
    struct text channel;
    struct text priority;
    int64_t expires_at_ms; /* Unix time; 0: never */
};

#define PRIORITY_NORMAL "normal"
#define PRIORITY_URGENT "urgent"

/* Appends the record, header included. */
void reference_encode(const struct reference *reference, struct buffer *into);

/* The fields alone: a record that begins with those of Reference.avsc has more of its own behind them. */
void reference_put(const struct reference *reference, struct buffer *into);
void reference_get(struct avro_cursor *cursor, struct reference *ret_reference);

/*
 * Strings point into `bytes`. False: *ret_code is MALFORMED_RECORD or UNKNOWN_SCHEMA. Bytes behind the datum
 * are malformed too.
 */
MUST_CHECK bool reference_decode(const void *bytes, size_t length, struct reference *ret_reference,
                                 enum error_code *ret_code);

#endif
