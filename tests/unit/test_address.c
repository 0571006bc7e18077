#include "schemas/address.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>
#include <string.h>

#include "support/fence.h"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define L61 A60 "b"

static void expect_good(const char *text, size_t length, void *arg)
{
    (void)arg;
    const char *problem = address_check_email(text, length);
    cr_expect(problem == NULL, "%.*s %s", (int)length, text, problem);
}

static void expect_bad(const char *text, size_t length, void *arg)
{
    const char *words = arg;
    const char *problem = address_check_email(text, length);
    cr_assert(problem != NULL, "\"%.*s\" is accepted", (int)length, text);
    cr_expect(strstr(problem, words) != NULL, "\"%.*s\" %s (expected: %s)", (int)length, text, problem,
              words);
}

Test(address, good)
{
    static const char *const rows[] = {
        "test@example.com",
        "a@b.c",
        "first.last@sub.domain.example.com",
        "user+tag@example.com",
        "USER@EXAMPLE.COM",
        "!#$%&'*+-/=?^_`{|}~@example.com",
        "1@2.3",
        "x@a-b.example",
        "x@xn--mnchen-3ya.example",
        "x@a--b.example",
        A60 "aaaa@example.com",                 /* 64 before the @ */
        "x@" A60 "aaa.example",                 /* a label of 63 */
        A60 "aaaa@" L61 "." L61 "." L61 ".cde", /* 64 + 1 + 3 * 62 + 3 = 254 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fenced(rows[i], strlen(rows[i]), expect_good, NULL);
    }
    cr_expect(eq(sz, strlen(rows[sizeof rows / sizeof *rows - 1]), 254));
}

Test(address, bad)
{
    static const struct {
        const char *text;
        const char *words; /* in what it is told */
    } rows[] = {
        {"", "no @"},
        {"test", "no @"},
        {"example.com", "no @"},
        {"@", "before the @"},
        {"@example.com", "before the @"},
        {A60 "aaaaa@example.com", "before the @"},
        {".a@example.com", "before the @"},
        {"a.@example.com", "before the @"},
        {"a..b@example.com", "before the @"},
        {".@example.com", "before the @"},
        {"a b@example.com", "before the @"},
        {" a@example.com", "before the @"},
        {"a\t@example.com", "before the @"},
        {"a\r\nBcc: x@example.com", "before the @"},
        {"\"a\"@example.com", "before the @"},
        {"a(b)@example.com", "before the @"},
        {"<a@example.com>", "before the @"},
        {"a,b@example.com", "before the @"},
        {"a;b@example.com", "before the @"},
        {"a:b@example.com", "before the @"},
        {"a\\b@example.com", "before the @"},
        {"a[b@example.com", "before the @"},
        {"a]b@example.com", "before the @"},
        {"a\x7f@example.com", "before the @"},
        {"ü@example.com", "before the @"},
        {"\xff@example.com", "before the @"},
        {"a@", "domain"},
        {"a@example", "domain"},
        {"a@.", "domain"},
        {"a@.com", "domain"},
        {"a@example.", "domain"},
        {"a@example..com", "domain"},
        {"a@-example.com", "domain"},
        {"a@example-.com", "domain"},
        {"a@example.-com", "domain"},
        {"a@example.com-", "domain"},
        {"a@exa mple.com", "domain"},
        {"a@example.com ", "domain"},
        {"a@example.com\n", "domain"},
        {"a@exa_mple.com", "domain"},
        {"a@b@example.com", "domain"},
        {"a@[127.0.0.1]", "domain"},
        {"a@müller.example", "punycode"},
        {"a@example.com,b@example.com", "domain"},
        {"a@" A60 "aaaa.example", "63"},
        {A60 "aaaa@" L61 "." L61 "." L61 ".cdef", "254"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fenced(rows[i].text, strlen(rows[i].text), expect_bad, (void *)(uintptr_t)rows[i].words);
    }
}

Test(address, nul_is_no_character_of_an_address)
{
    fenced("a\0b@example.com", 15, expect_bad, "before the @");
    fenced("a@exam\0ple.com", 14, expect_bad, "domain");
    fenced("a@example.com\0", 14, expect_bad, "domain");
    fenced("\0", 1, expect_bad, "no @");
}

/* What stands in no address, at any place of one. */
Test(address, a_wrong_byte_anywhere_is_refused)
{
    static const char wrong[] = " \t\r\n\0\x01\x1f\x7f\x80\xff\"(),:;<>[\\]";
    for (size_t at = 0; at < 11; at++) {
        for (size_t i = 0; i < sizeof wrong - 1; i++) {
            char text[] = "ab.c@de-f.g";
            text[at] = wrong[i];
            fenced(text, 11, expect_bad, "");
        }
    }
}

static void expect_phone(const char *text, size_t length, void *arg)
{
    const bool *wanted = arg;
    const char *problem = address_check_phone(text, length);
    cr_expect_eq(problem == NULL, *wanted, "\"%.*s\" %s", (int)length, text,
                 problem ? problem : "is accepted");
    cr_expect(problem == NULL || strstr(problem, "E.164") != NULL);
}

Test(address, phone_numbers)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"+4915112345678", true},
        {"+15558675310", true},
        {"+12345678", true},        /* 8 digits */
        {"+123456789012345", true}, /* 15 */
        {"+1234567", false},
        {"+1234567890123456", false},
        {"", false},
        {"+", false},
        {"4915112345678", false},
        {"004915112345678", false},
        {"+04915112345678", false},
        {"++4915112345678", false},
        {"+49 15112345678", false},
        {"+49-15112345678", false},
        {"+49(151)12345678", false},
        {"+4915112345678 ", false},
        {"+491511234567a", false},
        {"+4915112345678\n", false},
        {"+4915112345\xd9\xa0\xd9\xa1", false}, /* Arabic digits */
        {"whatsapp:+491511234", false},
        {"ada@example.com", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool good = rows[i].good;
        fenced(rows[i].text, strlen(rows[i].text), expect_phone, &good);
    }
    bool good = false;
    fenced("+49151\0 1234567", 14, expect_phone, &good);
}
