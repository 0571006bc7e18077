/*
 * text.h - a run of bytes that somebody else owns; not NUL-terminated.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct text {
    const char *bytes; /* NULL: there is none, which differs from an empty one */
    size_t length;
};

static inline struct text text_of(const char *string)
{
    return (struct text){string, string ? strlen(string) : 0};
}

/* Characters 0x21 to 0x7e only. */
static inline bool text_is_visible_ascii(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < 0x21 || text.bytes[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* How many characters UTF-8 has: the bytes that do not continue one. */
static inline size_t text_characters(struct text text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++) {
        count += ((unsigned char)text.bytes[i] & 0xc0) != 0x80;
    }
    return count;
}

/* For people: a control character would end the line, or drive the terminal, so it becomes '?'. */
static inline void text_print(struct text text, FILE *out)
{
    for (size_t i = 0; i < text.length; i++) {
        const unsigned char byte = (unsigned char)text.bytes[i];
        (void)fputc(byte < 0x20 || byte == 0x7f ? '?' : byte, out);
    }
}

static inline bool text_is(struct text text, const char *string)
{
    return text.length == strlen(string) && memcmp(text.bytes, string, text.length) == 0;
}

#endif
