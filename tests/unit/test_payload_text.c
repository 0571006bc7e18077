#include "senders/payload_text.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/leaks.h"

TestSuite(payload_text, .fini = no_leaks);

Test(payload_text, the_string_is_decoded_whole)
{
    static const struct {
        const char *payload, *text;
        size_t length;
    } cases[] = {
        {"{\"text\":\"Hello\"}", "Hello", 5},
        {"{ \"a\" : [\"text\", {\"text\":\"no\"}] , \"text\" : \"yes\" }", "yes", 3},
        {"{\"text\":\"\\u00e9\\n\\\"\\ud83d\\ude00\"}", "\xc3\xa9\n\"\xf0\x9f\x98\x80", 8},
        {"{\"text\":\"a\\u0000b\"}", "a\0b", 3},
        {"{\"big\":1e400,\"text\":\"still there\"}", "still there", 11},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer text;
        buffer_init(&text, strlen(cases[i].payload));
        cr_expect(payload_text(cases[i].payload, "text", &text), "%s", cases[i].payload);
        cr_assert_eq(text.length, cases[i].length, "%s", cases[i].payload);
        cr_expect_eq(memcmp(text.bytes, cases[i].text, text.length), 0, "%s", cases[i].payload);
        buffer_release(&text);
    }
}

Test(payload_text, what_is_no_text_is_none)
{
    static const char *const payloads[] = {
        "{}",
        "{\"text\":\"\"}",
        "{\"text\":7}",
        "{\"text\":null}",
        "{\"text\":{\"text\":\"x\"}}",
        "{\"text\":[\"x\"]}",
        "{\"TEXT\":\"x\"}",
        "{\"html\":\"x\"}",
        "{\"text\":\"cut",
        "{\"text\":\"\\ud83d\"}",
        "",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        struct buffer text;
        buffer_init(&text, 100);
        cr_expect_not(payload_text(payloads[i], "text", &text), "%s", payloads[i]);
        cr_expect_eq(text.length, 0);
        buffer_release(&text);
    }
}
