#include "schemas/payload.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "support/leaks.h"
#include "support/says.h"

TestSuite(payload, .fini = no_leaks);

/* What payload_check() says; "" when it has nothing to say. */
static void check(const char *text, size_t length, char ret_detail[256])
{
    struct arena arena = {NULL};
    struct violations violations = {.arena = &arena};
    payload_check((struct text){text, length}, &violations);
    cr_assert(le(sz, violations.count, 1));
    ret_detail[0] = '\0';
    if (violations.count) {
        cr_expect(eq(str, violations.items[0].field, "payloadJson"));
        (void)snprintf(ret_detail, 256, "%s", violations.items[0].detail);
    }
    arena_release(&arena);
}

/* {"a":[[[…]]]}, so deep. */
static void nested(struct buffer *into, size_t levels)
{
    buffer_clear(into);
    buffer_text(into, "{\"a\":");
    for (size_t i = 1; i < levels; i++) {
        buffer_text(into, "[");
    }
    for (size_t i = 1; i < levels; i++) {
        buffer_text(into, "]");
    }
    buffer_text(into, "}");
}

Test(payload, objects_are_taken)
{
    static const char *const rows[] = {"{}", " { \"a\" : 1 } ",
                                       "{\"a\":{\"a\":1},\"b\":[1,\"\xc3\xa9\",null,1e3]}"};
    char detail[256];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check(rows[i], strlen(rows[i]), detail);
        cr_expect(eq(str, detail, ""), "%s", rows[i]);
    }
}

Test(payload, others_are_refused_with_the_reason)
{
    static const struct {
        const char *text;
        size_t length;
        const char *says;
    } rows[] = {
        {"", 0, "is empty"},
        {" ", 1, "not valid JSON"},
        {"[]", 2, "must be an object"},
        {"\"{}\"", 4, "not valid JSON"},
        {"null", 4, "not valid JSON"},
        {"{\"a\":1,\"a\":2}", 13, "duplicate"},
        {"{\"b\":{\"a\":1,\"a\":2}}", 19, "duplicate"},
        {"{\"a\":1} x", 9, "not valid JSON"},
        {"{\"a\":1", 6, "not valid JSON"},
        {"{'a':1}", 7, "not valid JSON"},
        {"{\"a\":NaN}", 9, "not valid JSON"},
        {"{\"a\":\"\xff\"}", 9, "not valid JSON"},
        {"{\"a\":1\0}", 8, "must not contain NUL"},
        {"{\"a\":[\"x\\u0000\"]}", 17, "must not contain NUL"},
    };
    char detail[256];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check(rows[i].text, rows[i].length, detail);
        EXPECT_SAYS(detail, rows[i].says);
    }
}

Test(payload, depth_ends_where_it_does_for_http)
{
    struct buffer text;
    char detail[256];
    buffer_init(&text, 1000);
    nested(&text, PAYLOAD_DEPTH_MAX);
    check(text.bytes, text.length, detail);
    cr_expect(eq(str, detail, ""));
    nested(&text, PAYLOAD_DEPTH_MAX + 1);
    check(text.bytes, text.length, detail);
    EXPECT_SAYS(detail, "deeper than 31 levels");
    buffer_release(&text);
}

Test(payload, size_ends_at_its_limit)
{
    char *text = memory_new(PAYLOAD_MAX + 1);
    char detail[256];
    memset(text, ' ', PAYLOAD_MAX + 1);
    text[0] = '{';
    text[1] = '}';
    check(text, PAYLOAD_MAX, detail);
    cr_expect(eq(str, detail, ""));
    check(text, PAYLOAD_MAX + 1, detail);
    EXPECT_SAYS(detail, "at most 262144 bytes");
    free(text);
}
