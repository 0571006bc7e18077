/*
 * avro_write.h - Avro's binary encoding (its specification, "Binary Encoding"), appended to a buffer.
 */
#ifndef SCHEMAS_AVRO_WRITE_H
#define SCHEMAS_AVRO_WRITE_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"
#include "base/uuid.h"

/* An int, a long, the branch of a union, the index of an enum: all are written alike. */
static inline void avro_put_long(struct buffer *into, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    char bytes[10];
    size_t count = 0;
    while (zigzag >= 0x80) {
        bytes[count++] = (char)(zigzag | 0x80);
        zigzag >>= 7;
    }
    bytes[count++] = (char)zigzag;
    buffer_append(into, bytes, count);
}

static inline void avro_put_string(struct buffer *into, struct text text)
{
    avro_put_long(into, (int64_t)text.length);
    buffer_append(into, text.bytes, text.length);
}

/* ["null", "string"]; null when there is no text. */
static inline void avro_put_nullable_string(struct buffer *into, struct text text)
{
    avro_put_long(into, text.bytes ? 1 : 0);
    if (text.bytes) {
        avro_put_string(into, text);
    }
}

/* ["null", "long"]; null when the value is 0. */
static inline void avro_put_nullable_long(struct buffer *into, int64_t value)
{
    avro_put_long(into, value ? 1 : 0);
    if (value) {
        avro_put_long(into, value);
    }
}

/* A string of logical type uuid. */
static inline void avro_put_uuid(struct buffer *into, const struct uuid *uuid)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(uuid, text);
    avro_put_string(into, (struct text){text, UUID_TEXT_SIZE - 1});
}

#endif
