#include "base/text.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(text, of_a_string)
{
    cr_expect(eq(sz, text_of("abc").length, 3));
    cr_expect(eq(sz, text_of("").length, 0));
    cr_expect(text_of("").bytes != NULL);
    cr_expect(eq(sz, text_of(NULL).length, 0));
    cr_expect(text_of(NULL).bytes == NULL);
}

Test(text, visible_ascii)
{
    cr_expect(text_is_visible_ascii(text_of("!azAZ09~")));
    cr_expect(text_is_visible_ascii(text_of("")));
    cr_expect(text_is_visible_ascii(text_of(NULL)));
    static const char *const others[] = {" ", "a b", "\t", "\n", "\x1f", "\x7f", "\x80", "\xff", "ü"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_expect(not(text_is_visible_ascii(text_of(others[i]))), "%s", others[i]);
    }
    cr_expect(not(text_is_visible_ascii((struct text){"a\0", 2})));
}

Test(text, is)
{
    cr_expect(text_is(text_of("abc"), "abc"));
    cr_expect(text_is(text_of(""), ""));
    cr_expect(not(text_is(text_of("abc"), "ab")));
    cr_expect(not(text_is(text_of("ab"), "abc")));
    cr_expect(not(text_is(text_of("abc"), "abd")));
    cr_expect(not(text_is(text_of(NULL), "abc")));
    cr_expect(not(text_is((struct text){"ab\0", 3}, "ab")));
}
