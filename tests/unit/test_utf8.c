#include "base/utf8.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

/* The examples stand behind 0 to 16 ASCII bytes: eight bytes at a time are looked at in one go. */
static bool valid_behind(size_t ascii, const char *text)
{
    char bytes[64];
    (void)snprintf(bytes, sizeof bytes, "%.*s%s", (int)ascii, "aaaaaaaaaaaaaaaa", text);
    return utf8_is_valid(bytes, strlen(bytes));
}

Test(utf8, takes_every_length_up_to_the_last_character)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80 and more"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        for (size_t ascii = 0; ascii <= 16; ascii++) {
            cr_expect(valid_behind(ascii, good[i]), "row %zu behind %zu", i, ascii);
        }
    }
    cr_expect(utf8_is_valid("a\0b", 3));
}

Test(utf8, refuses_what_rfc_3629_does)
{
    static const char *const bad[] = {
        "\x80",             /* continues nothing */
        "\xbf",             /* the same */
        "\xc0\x80",         /* overlong NUL */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xed\xbf\xbf",     /* surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf5\x80\x80\x80", /* the same */
        "\xff",
        "\xc3",         /* cut short */
        "\xe2\x82",     /* cut short */
        "\xf0\x9f\x98", /* cut short */
        "\xc3(",
        "\xe2\x82(",
        "\xf0\x9f\x98(",
        "caf\xe9 au lait", /* Latin-1 */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t ascii = 0; ascii <= 16; ascii++) {
            cr_expect(not(valid_behind(ascii, bad[i])), "row %zu behind %zu", i, ascii);
        }
    }
}

Test(utf8, is_repaired)
{
    char text[] = "caf\xe9 \xc3\xa9 \xf0\x9f\x98";
    utf8_repair(text);
    cr_expect(eq(str, text, "caf? \xc3\xa9 ???"));
}
