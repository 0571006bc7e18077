#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void buffer_init(struct buffer *buffer, size_t limit)
{
    *buffer = (struct buffer){.limit = limit};
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){.limit = buffer->limit};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->overflow = false;
}

/* Makes room for `more` bytes and a NUL. */
static bool reserve(struct buffer *buffer, size_t more)
{
    if (buffer->overflow || more > buffer->limit - buffer->length) {
        buffer->overflow = true;
        return false;
    }
    const size_t need = buffer->length + more + 1;
    if (need > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
        while (capacity < need) {
            capacity *= 2;
        }
        buffer->bytes = memory_resize(buffer->bytes, capacity);
        buffer->capacity = capacity;
    }
    return true;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (length > 0 && reserve(buffer, length)) {
        memcpy(buffer->bytes + buffer->length, bytes, length);
        buffer->length += length;
        buffer->bytes[buffer->length] = '\0';
    }
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length >= 0 && reserve(buffer, (size_t)length)) {
        (void)vsnprintf(buffer->bytes + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

void buffer_int32(struct buffer *buffer, int32_t value)
{
    const uint32_t bits = (uint32_t)value;
    const unsigned char bytes[4] = {(unsigned char)(bits >> 24), (unsigned char)(bits >> 16),
                                    (unsigned char)(bits >> 8), (unsigned char)bits};
    buffer_append(buffer, bytes, sizeof bytes);
}

void buffer_int64(struct buffer *buffer, int64_t value)
{
    buffer_int32(buffer, (int32_t)(value >> 32));
    buffer_int32(buffer, (int32_t)value);
}

void buffer_json_string(struct buffer *buffer, const char *text, size_t length)
{
    buffer_append(buffer, "\"", 1);
    size_t plain_from = 0;
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        buffer_append(buffer, text + plain_from, i - plain_from);
        plain_from = i + 1;
        if (byte == '"' || byte == '\\') {
            const char escaped[2] = {'\\', (char)byte};
            buffer_append(buffer, escaped, sizeof escaped);
        } else {
            buffer_format(buffer, "\\u%04x", byte);
        }
    }
    buffer_append(buffer, text + plain_from, length - plain_from);
    buffer_append(buffer, "\"", 1);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void buffer_form_value(struct buffer *buffer, const char *text, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)text[i];
        const char escaped[3] = {'%', digits[byte >> 4], digits[byte & 0xf]};
        if (is_unreserved(text[i])) {
            buffer_append(buffer, &text[i], 1);
        } else {
            buffer_append(buffer, escaped, sizeof escaped);
        }
    }
}
