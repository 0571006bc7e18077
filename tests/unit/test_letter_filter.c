#include "schemas/letter_filter.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/says.h"

#define NOW_US INT64_C(1769904000000000) /* 2026-02-01T00:00:00Z */

static bool set(struct letter_filter *filter, const char *name, const char *value)
{
    struct error error = {""};
    const bool fine = letter_filter_set(filter, name, value, NOW_US, &error);
    cr_expect(fine || strncmp(error.text, "m", 1) == 0, "%s %s: %s", name, value, error.text);
    return fine;
}

Test(letter_filter, what_may_be_given)
{
    static struct letter_filter filter;
    cr_expect(not(letter_filter_is_given(&filter)));
    cr_expect(set(&filter, "channel", "email"));
    cr_expect(eq(str, (char *)filter.channel, "EMAIL"));
    cr_expect(set(&filter, "channel", "SMS"));
    cr_expect(eq(str, (char *)filter.channel, "SMS"));
    cr_expect(set(&filter, "code", "TIMEOUT"));
    cr_expect(set(&filter, "org", "acme"));
    cr_expect(set(&filter, "status", "REPLAYED"));
    cr_expect(set(&filter, "limit", "7"));
    cr_expect(set(&filter, "before", "9223372036854775807"));
    cr_expect(eq(i64, filter.before, INT64_MAX));
    cr_expect(letter_filter_is_given(&filter));
}

Test(letter_filter, a_limit_narrows_nothing_down)
{
    static struct letter_filter filter;
    cr_expect(set(&filter, "limit", "7"));
    cr_expect(not(letter_filter_is_given(&filter)));
}

Test(letter_filter, times_and_ages)
{
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"2026-01-31T23:59:59.5Z", NOW_US - 500000},
        {"2026-02-01T01:00:00+01:00", NOW_US},
        {"0s", NOW_US},
        {"90s", NOW_US - INT64_C(90000000)},
        {"15m", NOW_US - INT64_C(900000000)},
        {"2h", NOW_US - INT64_C(7200000000)},
        {"7d", NOW_US - INT64_C(604800000000)},
        {"10000000d", 0}, /* before all times */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct letter_filter filter;
        cr_expect(set(&filter, "since", rows[i].text), "%s", rows[i].text);
        cr_expect(eq(i64, filter.since_us, rows[i].us), "%s", rows[i].text);
        cr_expect(set(&filter, "until", rows[i].text), "%s", rows[i].text);
        cr_expect(eq(i64, filter.until_us, rows[i].us), "%s", rows[i].text);
    }
}

Test(letter_filter, ids_are_of_letters_or_of_messages)
{
    static struct letter_filter filter;
    cr_expect(set(&filter, "id", "17"));
    cr_expect(set(&filter, "id", "01890a5d-ac96-774b-bcce-b302099a8057"));
    cr_expect(set(&filter, "id", "18"));
    cr_expect(eq(sz, filter.letter_id_count, 2));
    cr_expect(eq(sz, filter.message_id_count, 1));
    cr_expect(eq(i64, filter.letter_ids[1], 18));
    struct error error;
    for (int i = 3; i < LETTER_IDS_MAX; i++) {
        cr_assert(letter_filter_set(&filter, "id", "1", NOW_US, &error));
    }
    cr_expect(not(letter_filter_set(&filter, "id", "1", NOW_US, &error)));
    EXPECT_SAYS(error.text, "1000 times");
}

Test(letter_filter, what_is_refused_changes_nothing)
{
    static const char *const rows[][2] = {
        {"channel", ""},
        {"channel", "FAX"},
        {"channel", "Email"},
        {"code", "timeout"},
        {"code", ""},
        {"code", "TIMEOUT "},
        {"org", ""},
        {"org", "two words"},
        {"org", "12345678901234567890123456789012345678901234567890123456789012345"},
        {"status", "open"},
        {"status", ""},
        {"since", ""},
        {"since", "yesterday"},
        {"since", "2026-01-31"},
        {"since", "7"},
        {"since", "7w"},
        {"since", "-1d"},
        {"since", "1.5h"},
        {"since", "7d "},
        {"since", "99999999999999999999d"},
        {"until", "1969-12-31T23:59:59Z"},
        {"id", ""},
        {"id", "0"},
        {"id", "-1"},
        {"id", "+1"},
        {"id", " 1"},
        {"id", "1x"},
        {"id", "9223372036854775808"},
        {"id", "01890a5d-ac96-774b-bcce-b302099a805"},
        {"before", "0"},
        {"limit", "0"},
        {"limit", "-1"},
        {"limit", "1000000001"},
        {"limit", "many"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static struct letter_filter filter;
        cr_expect(not(set(&filter, rows[i][0], rows[i][1])), "%s \"%s\" is accepted", rows[i][0], rows[i][1]);
        cr_expect(not(letter_filter_is_given(&filter)), "%s", rows[i][0]);
        cr_expect(eq(i64, filter.limit, 0));
    }
}

Test(letter_filter, since_lies_before_until)
{
    static struct letter_filter filter;
    struct error error;
    cr_expect(set(&filter, "since", "1h") && set(&filter, "until", "2h"));
    cr_expect(not(letter_filter_check(&filter, &error)));
    EXPECT_SAYS(error.text, "since");
    cr_expect(set(&filter, "until", "1h"));
    cr_expect(not(letter_filter_check(&filter, &error)));
    cr_expect(set(&filter, "until", "59m"));
    cr_expect(letter_filter_check(&filter, &error));
}

Test(letter_filter, the_names)
{
    cr_expect(letter_filter_knows("id") && letter_filter_knows("channel") && letter_filter_knows("limit"));
    cr_expect(not(letter_filter_knows("")));
    cr_expect(not(letter_filter_knows("ID")));
    cr_expect(not(letter_filter_knows("idx")));
}
