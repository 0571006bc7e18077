#include "base/error.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

Test(error, set_formats_and_answers_false)
{
    struct error error;
    cr_expect(not(error_set(&error, "%s: %d is too much", "SETTING", 7)));
    cr_expect(eq(str, error.text, "SETTING: 7 is too much"));
}

Test(error, long_sentence_is_cut)
{
    struct {
        struct error error;
        char behind[8];
    } both;
    memset(&both, 'x', sizeof both);
    (void)error_set(&both.error, "%*s", 2000, "");
    cr_expect(eq(sz, strlen(both.error.text), sizeof both.error.text - 1));
    cr_expect(memcmp(both.behind, "xxxxxxxx", 8) == 0);
}
