#include "tests/model/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/model/world.h"

struct answer answer_of(int columns)
{
    return (struct answer){.columns = columns, .sqlstate = ""};
}

struct text *answer_row(struct answer *answer)
{
    if (answer->rows == answer->room) {
        answer->room = answer->room ? answer->room * 2 : 8;
        const size_t size = (size_t)answer->columns * sizeof(struct text);
        struct text *larger = world_alloc((size_t)answer->room * size);
        if (answer->rows > 0) {
            memcpy(larger, answer->values, (size_t)answer->rows * size);
        }
        answer->values = larger;
    }
    answer->affected++;
    return &answer->values[(size_t)answer->columns * (size_t)answer->rows++];
}

struct text answer_int(int64_t number)
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%" PRId64, number);
    return (struct text){world_copy(digits, (size_t)length), (size_t)length};
}

struct text answer_hex(const char *prefix, struct text bytes)
{
    if (!bytes.bytes) {
        return (struct text){0};
    }
    const size_t start = strlen(prefix);
    char *text = world_alloc(start + 2 * bytes.length + 1);
    (void)snprintf(text, start + 1, "%s", prefix);
    for (size_t i = 0; i < bytes.length; i++) {
        (void)snprintf(text + start + 2 * i, 3, "%02x", (unsigned char)bytes.bytes[i]);
    }
    return (struct text){text, start + 2 * bytes.length};
}

struct text text_kept(struct text text)
{
    return text.bytes ? (struct text){world_copy(text.bytes, text.length), text.length} : (struct text){0};
}

bool texts_equal(struct text a, struct text b)
{
    return a.bytes && b.bytes && a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}
