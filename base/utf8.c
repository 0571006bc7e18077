#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* The bytes of the character that begins at `at`, 0 when it is none (RFC 3629, section 4). */
static size_t character(const unsigned char *at, size_t left)
{
    const unsigned char first = at[0];
    if (first < 0x80) {
        return 1;
    }
    const size_t count = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || left < count) {
        return 0;
    }
    const unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < least || at[1] > most) {
        return 0;
    }
    for (size_t i = 2; i < count; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return count;
}

bool utf8_is_valid(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + length;
    while (at < end) {
        uint64_t eight;
        if (end - at >= (ptrdiff_t)sizeof eight) { /* most text is ASCII */
            memcpy(&eight, at, sizeof eight);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                at += sizeof eight;
                continue;
            }
        }
        const size_t count = character(at, (size_t)(end - at));
        if (count == 0) {
            return false;
        }
        at += count;
    }
    return true;
}

void utf8_repair(char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t count = character((const unsigned char *)text, left);
        if (count == 0) {
            *text = '?';
            count = 1;
        }
        text += count;
        left -= count;
    }
}
