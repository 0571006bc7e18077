#include "base/mask.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

struct row {
    const char *text;
    const char *masked;
};

static void expect_rows(const struct row *rows, size_t count, bool bare_numbers)
{
    for (size_t i = 0; i < count; i++) {
        char masked[200];
        mask_text(rows[i].text, bare_numbers, masked, sizeof masked);
        cr_expect(eq(str, masked, (char *)rows[i].masked), "%s", rows[i].text);
        char again[200];
        mask_text(masked, bare_numbers, again, sizeof again);
        cr_expect(eq(str, again, masked), "masked once more");
    }
}

#define EXPECT_ROWS(bare_numbers, ...)                                  \
    do {                                                                \
        const struct row rows_[] = {__VA_ARGS__};                       \
        expect_rows(rows_, sizeof rows_ / sizeof *rows_, bare_numbers); \
    } while (0)

Test(mask, mail_addresses)
{
    EXPECT_ROWS(false, {"anna@example.com", "a***@e***.com"}, {"a@b.co", "a***@b***.co"},
                {"550 <anna.lee+x@mail.example.com>: no such user", "550 <a***@m***.com>: no such user"},
                {"to anna@example.com, bob@example.org.", "to a***@e***.com, b***@e***.org."},
                {"root@localhost refused", "r***@l*** refused"}, {"\"anna lee\"@example.com", "***@e***.com"},
                {"\xc3\xa4nne@\xc3\xb6st.example", "\xc3\xa4***@\xc3\xb6***.example"},
                {"{\"to\":\"anna@example.com\"}", "{\"to\":\"a***@e***.com\"}"});
}

Test(mask, phone_numbers)
{
    EXPECT_ROWS(false, {"+4915112345678", "+49*********78"},
                {"The 'To' number +15005550001 is not valid.", "The 'To' number +15*******01 is not valid."},
                {"+49 151 123-456 78 is busy", "+49 *** ***-*** 78 is busy"},
                {"call +1 (415) 555-2671.", "call +1 (4**) ***-**71."},
                {"+4915112345678 (131056)", "+49*********78 (131056)"},
                {"+49 151 12345678 131056 x", "+49 *** ******78 131056 x"},
                {"+4915112345678 2030-01-31 busy", "+49*********78 2030-01-31 busy"});
}

/* What is told of records and times stays readable. */
Test(mask, what_is_neither_stays)
{
    static const char *const kept[] = {"",
                                       "a @ b",
                                       "@",
                                       "1+1",
                                       "+49",
                                       "offset 123456789, 1700000000000 ms",
                                       "2024-01-15 14:32:15",
                                       "0190b6a2-1234-7abc-8def-0123456789ab"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        char masked[200];
        mask_text(kept[i], false, masked, sizeof masked);
        cr_expect(eq(str, masked, (char *)kept[i]));
    }
}

Test(mask, numbers_without_a_plus_where_they_may_be_a_recipient)
{
    EXPECT_ROWS(true, {"4915112345678", "49*********78"}, {"(to: 15551234567)", "(to: 15*******67)"},
                {"code 131026, status 400", "code 131026, status 400"},
                {"SM0123456789abcdef", "SM0123456789abcdef"},
                {"0190b6a2-1234-7abc-8def-012345678912", "0190b6a2-1234-7abc-8def-012345678912"});
}

Test(mask, what_does_not_fit_is_cut)
{
    char masked[8];
    mask_text("anna@example.com", false, masked, sizeof masked);
    cr_expect(eq(str, masked, "a***@e*"));
    mask_text("0123456789", false, masked, sizeof masked);
    cr_expect(eq(str, masked, "0123456"));
}
