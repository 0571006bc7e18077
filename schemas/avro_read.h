/*
 * avro_read.h - Avro's binary encoding, read from bytes that may be anything.
 *
 * Nothing is read beyond the end and nothing is allocated. What cannot be read sets `failed`, which stays
 * set, and gives 0 or an empty text: a reader takes field after field without looking and asks once at the
 * end.
 */
#ifndef SCHEMAS_AVRO_READ_H
#define SCHEMAS_AVRO_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "base/uuid.h"

struct avro_cursor {
    const unsigned char *at;
    const unsigned char *end;
    bool failed;
};

static inline struct avro_cursor avro_cursor_of(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    return (struct avro_cursor){.at = at, .end = at ? at + length : at};
}

static inline size_t avro_left(const struct avro_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* Everything was read, and it was whole. */
static inline bool avro_done(const struct avro_cursor *cursor)
{
    return !cursor->failed && cursor->at == cursor->end;
}

static inline int64_t avro_get_long(struct avro_cursor *cursor)
{
    uint64_t zigzag = 0;
    for (unsigned shift = 0; shift < 70 && cursor->at < cursor->end; shift += 7) {
        const unsigned char byte = *cursor->at++;
        if (shift == 63 && byte > 1) {
            break; /* more than 64 bits */
        }
        zigzag |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
        }
    }
    cursor->failed = true;
    return 0;
}

static inline int32_t avro_get_int(struct avro_cursor *cursor)
{
    const int64_t value = avro_get_long(cursor);
    if (value < INT32_MIN || value > INT32_MAX) {
        cursor->failed = true;
        return 0;
    }
    return (int32_t)value;
}

/* A run of `length` bytes, which stay where they are. */
static inline struct text avro_get_run(struct avro_cursor *cursor, int64_t length)
{
    if (cursor->failed || length < 0 || (uint64_t)length > avro_left(cursor)) {
        cursor->failed = true;
        return (struct text){"", 0};
    }
    const struct text text = {(const char *)cursor->at, (size_t)length};
    cursor->at += length;
    return text;
}

/* A string or bytes; longer than `most` is a failure. */
static inline struct text avro_get_string(struct avro_cursor *cursor, size_t most)
{
    const struct text text = avro_get_run(cursor, avro_get_long(cursor));
    cursor->failed |= text.length > most;
    return text;
}

/* ["null", "long"]; 0 when it is null. */
static inline int64_t avro_get_nullable_long(struct avro_cursor *cursor)
{
    const int64_t branch = avro_get_long(cursor);
    cursor->failed |= branch < 0 || branch > 1;
    return branch == 1 ? avro_get_long(cursor) : 0;
}

/* A string of logical type uuid. */
static inline struct uuid avro_get_uuid(struct avro_cursor *cursor)
{
    const struct text text = avro_get_string(cursor, UUID_TEXT_SIZE);
    struct uuid uuid = {0};
    cursor->failed |= !uuid_parse(text.bytes, text.length, &uuid);
    return uuid;
}

#endif
