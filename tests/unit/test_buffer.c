#include "base/buffer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <string.h>

#include "support/chance.h"
#include "support/leaks.h"

TestSuite(buffer, .fini = no_leaks);

#define MEM(pointer, length) ((struct cr_mem){.data = (pointer), .size = (length)})

Test(buffer, appends_in_order_and_ends_with_nul)
{
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    buffer_append(&buffer, "ab\0c", 4);
    buffer_text(&buffer, "-");
    buffer_format(&buffer, "%d/%s", 7, "x");
    buffer_format(&buffer, "%s", "");
    buffer_append(&buffer, NULL, 0);
    cr_expect(eq(mem, MEM(buffer.bytes, buffer.length + 1), MEM("ab\0c-7/x", 9)));
    cr_expect(not(buffer.overflow));

    buffer_clear(&buffer);
    cr_expect(eq(sz, buffer.length, 0));
    buffer_text(&buffer, "y");
    cr_expect(eq(str, buffer.bytes, "y"));
    buffer_release(&buffer);
    cr_expect(buffer.bytes == NULL);
}

Test(buffer, grows_without_losing_a_byte)
{
    static char model[300000];
    size_t length = 0;
    struct buffer buffer;
    buffer_init(&buffer, sizeof model);
    for (uint64_t chance = 1; length < sizeof model - 2000;) {
        char piece[2000];
        const size_t size = chance_below(&chance, sizeof piece);
        memset(piece, 'a' + (int)(size % 26), sizeof piece);
        memcpy(model + length, piece, size);
        length += size;
        buffer_append(&buffer, piece, size);
        cr_assert(eq(sz, buffer.length, length));
        cr_assert(size == 0 || buffer.bytes[length] == '\0');
    }
    cr_assert(memcmp(buffer.bytes, model, length) == 0);
    buffer_release(&buffer);
}

Test(buffer, a_form_value_has_only_unreserved_characters)
{
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    buffer_form_value(&buffer, "azAZ09-._~", 10);
    buffer_form_value(&buffer, NULL, 0);
    cr_expect(eq(str, buffer.bytes, "azAZ09-._~"));
    buffer_clear(&buffer);
    buffer_form_value(&buffer, "+49 a&b=c%\n\0*'\xc3\xa9/", 17);
    cr_expect(eq(str, buffer.bytes, "%2B49%20a%26b%3Dc%25%0A%00%2A%27%C3%A9%2F"));
    buffer_release(&buffer);
}

/* Each appends `length` bytes, as one piece. */
static void append_bytes(struct buffer *buffer, size_t length)
{
    static const char bytes[1000];
    buffer_append(buffer, bytes, length);
}

static void append_format(struct buffer *buffer, size_t length)
{
    buffer_format(buffer, "%*s", (int)length, "");
}

static void append_string(struct buffer *buffer, size_t length)
{
    char text[1000];
    memset(text, 'x', length - 2);
    buffer_json_string(buffer, text, length - 2);
}

Test(buffer, limit_is_exact_and_overflow_stays_until_clear)
{
    static void (*const appends[])(struct buffer * buffer, size_t length) = {append_bytes, append_format,
                                                                             append_string};
    for (size_t i = 0; i < 3; i++) {
        struct buffer buffer;
        buffer_init(&buffer, 300);
        buffer_text(&buffer, "0123456789");
        appends[i](&buffer, 290);
        cr_expect(eq(sz, buffer.length, 300), "append %zu", i);
        cr_expect(not(buffer.overflow), "append %zu", i);
        append_bytes(&buffer, 0);
        cr_expect(not(buffer.overflow), "append %zu", i);
        append_bytes(&buffer, 1);
        cr_expect(buffer.overflow, "append %zu", i);
        cr_expect(eq(sz, buffer.length, 300), "append %zu", i);

        buffer_clear(&buffer);
        cr_expect(not(buffer.overflow), "append %zu", i);
        appends[i](&buffer, 301);
        cr_expect(buffer.overflow, "append %zu", i);
        cr_expect(le(sz, buffer.length, 300), "append %zu", i);

        const size_t length = buffer.length;
        buffer_text(&buffer, "a"); /* would fit, but something before it is missing */
        buffer_format(&buffer, "b");
        cr_expect(eq(sz, buffer.length, length), "append %zu", i);

        buffer_clear(&buffer);
        appends[i](&buffer, 300);
        cr_expect(not(buffer.overflow), "append %zu", i);
        cr_expect(eq(sz, buffer.length, 300), "append %zu", i);
        buffer_release(&buffer);
    }
}

Test(buffer, limit_counts_again_after_release)
{
    struct buffer buffer;
    buffer_init(&buffer, 3);
    buffer_text(&buffer, "abcd");
    buffer_release(&buffer);
    buffer_text(&buffer, "abc");
    cr_expect(eq(str, buffer.bytes, "abc"));
    buffer_text(&buffer, "d");
    cr_expect(buffer.overflow);
    buffer_release(&buffer);
}

Test(buffer, integers_are_big_endian)
{
    static const struct {
        int32_t value;
        unsigned char bytes[4];
    } fours[] = {
        {0, {0, 0, 0, 0}},
        {0x01020304, {1, 2, 3, 4}},
        {-1, {0xff, 0xff, 0xff, 0xff}},
        {-2, {0xff, 0xff, 0xff, 0xfe}},
        {INT32_MIN, {0x80, 0, 0, 0}},
        {INT32_MAX, {0x7f, 0xff, 0xff, 0xff}},
    };
    static const struct {
        int64_t value;
        unsigned char bytes[8];
    } eights[] = {
        {0, {0}},
        {0x0102030405060708, {1, 2, 3, 4, 5, 6, 7, 8}},
        {0x00000000f0000001, {0, 0, 0, 0, 0xf0, 0, 0, 1}},
        {-1, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
        {INT64_MIN, {0x80, 0, 0, 0, 0, 0, 0, 0}},
        {INT64_MAX, {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    };
    struct buffer buffer;
    buffer_init(&buffer, 100);
    for (size_t i = 0; i < sizeof fours / sizeof *fours; i++) {
        buffer_clear(&buffer);
        buffer_int32(&buffer, fours[i].value);
        cr_expect(eq(mem, MEM(buffer.bytes, buffer.length), MEM(fours[i].bytes, 4)), "%d", fours[i].value);
    }
    for (size_t i = 0; i < sizeof eights / sizeof *eights; i++) {
        buffer_clear(&buffer);
        buffer_int64(&buffer, eights[i].value);
        cr_expect(eq(mem, MEM(buffer.bytes, buffer.length), MEM(eights[i].bytes, 8)), "%lld",
                  (long long)eights[i].value);
    }
    buffer_release(&buffer);
}

Test(buffer, json_string_escapes_what_rfc_8259_demands)
{
    static const struct {
        const char *text;
        size_t length;
        const char *json;
    } rows[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"\"", 1, "\"\\\"\""},
        {"\\", 1, "\"\\\\\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\0", 1, "\"\\u0000\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"\n\r\t", 3, "\"\\u000a\\u000d\\u0009\""},
        {"\x01\x1f\x20\x7f", 4, "\"\\u0001\\u001f \x7f\""},
        {"/<>'", 4, "\"/<>'\""},
        {"Zürich € 日本 🙂", 23, "\"Zürich € 日本 🙂\""},
    };
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buffer_clear(&buffer);
        buffer_json_string(&buffer, rows[i].text, rows[i].length);
        cr_expect(eq(str, buffer.bytes, rows[i].json), "row %zu", i);
    }
    buffer_release(&buffer);
}

/* A parser gets back what was written: all of ASCII, and some UTF-8 of each length. */
Test(buffer, json_string_is_read_back_by_a_parser)
{
    struct buffer text;
    buffer_init(&text, 1000);
    for (int i = 0; i < 128; i++) {
        const char byte = (char)i;
        buffer_append(&text, &byte, 1);
    }
    buffer_text(&text, "¡߿ࠀ￿𐀀􏿿");
    struct buffer json;
    buffer_init(&json, 10000);
    buffer_json_string(&json, text.bytes, text.length);
    json_t *back = json_loadb(json.bytes, json.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    cr_assert(back != NULL);
    cr_expect(eq(mem, MEM(json_string_value(back), json_string_length(back)), MEM(text.bytes, text.length)));
    json_decref(back);
    buffer_release(&json);
    buffer_release(&text);
}

Test(buffer, json_string_that_does_not_fit_overflows)
{
    static const char text[] = "ab\"cd\n\\ü";
    static const char json[] = "\"ab\\\"cd\\u000a\\\\ü\"";
    const size_t whole = sizeof json - 1;
    for (size_t limit = 0; limit <= whole; limit++) {
        struct buffer buffer;
        buffer_init(&buffer, limit);
        buffer_json_string(&buffer, text, sizeof text - 1);
        cr_expect(le(sz, buffer.length, limit));
        cr_expect(buffer.overflow == (limit < whole), "limit %zu", limit);
        cr_expect(limit < whole || strcmp(buffer.bytes, json) == 0, "limit %zu", limit);
        buffer_release(&buffer);
    }
}
