#include "base/uuid.h"

#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

static void stamp(struct uuid *uuid, unsigned version)
{
    uuid->bytes[6] = (unsigned char)((uuid->bytes[6] & 0x0f) | (version << 4));
    uuid->bytes[8] = (unsigned char)((uuid->bytes[8] & 0x3f) | 0x80);
}

struct uuid uuid_v7(void)
{
    static int64_t last_ms;
    static unsigned counter;
    int64_t now_ms = clock_wall_ms();
    if (now_ms > last_ms) {
        last_ms = now_ms;
        counter = 0;
    } else if (++counter > 0xfff) { /* 4096 ids in a millisecond, or a clock set back: run ahead of it */
        last_ms++;
        counter = 0;
    }
    now_ms = last_ms;

    struct uuid uuid;
    for (int i = 0; i < 6; i++) {
        uuid.bytes[i] = (unsigned char)(now_ms >> (40 - 8 * i));
    }
    uuid.bytes[6] = (unsigned char)(counter >> 8);
    uuid.bytes[7] = (unsigned char)counter;
    random_bytes(uuid.bytes + 8, 8);
    stamp(&uuid, 7);
    return uuid;
}

struct uuid uuid_v4(void)
{
    struct uuid uuid;
    random_bytes(uuid.bytes, sizeof uuid.bytes);
    stamp(&uuid, 4);
    return uuid;
}

/* Where the two hex digits of each byte stand. */
static const unsigned char position[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

void uuid_format(const struct uuid *uuid, char ret_text[UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    memset(ret_text, '-', UUID_TEXT_SIZE - 1);
    for (int i = 0; i < 16; i++) {
        ret_text[position[i]] = digits[uuid->bytes[i] >> 4];
        ret_text[position[i] + 1] = digits[uuid->bytes[i] & 0xf];
    }
    ret_text[UUID_TEXT_SIZE - 1] = '\0';
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool uuid_parse(const char *text, size_t length, struct uuid *ret_uuid)
{
    if (length != UUID_TEXT_SIZE - 1 || text[8] != '-' || text[13] != '-' || text[18] != '-' ||
        text[23] != '-') {
        return false;
    }
    struct uuid uuid;
    for (int i = 0; i < 16; i++) {
        const int high = hex_value(text[position[i]]);
        const int low = hex_value(text[position[i] + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        uuid.bytes[i] = (unsigned char)(high << 4 | low);
    }
    *ret_uuid = uuid;
    return true;
}
