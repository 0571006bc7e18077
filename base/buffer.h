/*
 * buffer.h - a growing run of bytes with a limit set at birth.
 *
 * What would pass the limit is not appended and `overflow` stays set until the buffer is cleared: a writer
 * appends without looking and asks once at the end.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct buffer {
    char *bytes; /* a NUL stands behind the last byte once anything was appended */
    size_t length;
    size_t capacity;
    size_t limit;
    bool overflow;
};

void buffer_init(struct buffer *buffer, size_t limit);
void buffer_release(struct buffer *buffer);

/* Empty again; the memory is kept for the next use. */
void buffer_clear(struct buffer *buffer);

void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);

/* Big-endian, as PostgreSQL's binary format has it. */
void buffer_int32(struct buffer *buffer, int32_t value);
void buffer_int64(struct buffer *buffer, int64_t value);

/* Appends `text` as a JSON string with its quotes (RFC 8259, section 7). `text` must be valid UTF-8. */
void buffer_json_string(struct buffer *buffer, const char *text, size_t length);

/*
 * Appends `text` as a value of a form (application/x-www-form-urlencoded): all but the unreserved characters
 * of RFC 3986, section 2.3, as %XX.
 */
void buffer_form_value(struct buffer *buffer, const char *text, size_t length);

#endif
