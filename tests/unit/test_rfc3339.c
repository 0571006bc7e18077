#include "schemas/new_message.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "support/fence.h"

static void expect_time(const char *text, size_t length, void *arg)
{
    int64_t us = -1;
    cr_expect(parse_rfc3339(text, length, &us), "%.*s", (int)length, text);
    cr_expect(eq(i64, us, *(const int64_t *)arg), "%.*s", (int)length, text);
}

static void expect_no_time(const char *text, size_t length, void *arg)
{
    (void)arg;
    int64_t us = -77;
    cr_expect(not(parse_rfc3339(text, length, &us)), "%.*s is accepted", (int)length, text);
    cr_expect(eq(i64, us, -77), "%.*s is refused, and written", (int)length, text);
}

Test(rfc3339, times)
{
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:01z", 1000000},
        {"1970-01-01t00:01:00Z", 60000000},
        {"1970-01-01 01:00:00Z", 3600000000},
        {"2000-02-29T00:00:00Z", 951782400000000},
        {"2024-02-29T12:34:56Z", 1709210096000000},
        {"2026-01-31T23:59:59.123456Z", 1769903999123456},
        {"2026-01-31T23:59:59.1Z", 1769903999100000},
        {"2026-01-31T23:59:59.000001Z", 1769903999000001},
        {"2026-01-31T23:59:59.1234567899999Z", 1769903999123456},
        {"2026-02-01T00:59:59+01:00", 1769903999000000},
        {"2026-01-31T18:29:59-05:30", 1769903999000000},
        {"2026-01-31T23:59:59+00:00", 1769903999000000},
        {"2026-01-31T23:59:59-00:00", 1769903999000000},
        {"2026-02-01T23:58:59+23:59", 1769903999000000},
        {"9999-12-31T23:59:59.999999Z", 253402300799999999},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t us = rows[i].us;
        fenced(rows[i].text, strlen(rows[i].text), expect_time, &us);
    }
}

Test(rfc3339, other_texts_are_refused)
{
    static const char *const rows[] = {
        "",
        "Z",
        "now",
        "2026",
        "2026-01-31",
        "23:59:59Z",
        "2026-01-31T23:59Z",
        "2026-01-31T23:59:59",
        "2026-01-31T23:59:59.Z",
        "2026-01-31T23:59:59.",
        "2026-01-31T23:59:59,5Z",
        "2026-01-31T23:59:59ZZ",
        "2026-01-31T23:59:59Z ",
        " 2026-01-31T23:59:59Z",
        "2026-01-31X23:59:59Z",
        "2026/01/31T23:59:59Z",
        "2026-1-31T23:59:59Z",
        "26-01-31T23:59:59Z",
        "02026-01-31T23:59:59Z",
        "+2026-01-31T23:59:59Z",
        "-026-01-31T23:59:59Z",
        "2026-00-31T23:59:59Z",
        "2026-13-01T23:59:59Z",
        "2026-01-00T23:59:59Z",
        "2026-01-32T23:59:59Z",
        "2026-04-31T23:59:59Z",
        "2026-02-29T23:59:59Z",
        "2100-02-29T23:59:59Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T23:60:00Z",
        "2026-01-31T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "2026-01-31T23:59:59+1:00",
        "2026-01-31T23:59:59+0100",
        "2026-01-31T23:59:59+01",
        "2026-01-31T23:59:59+01:0",
        "2026-01-31T23:59:59+01:000",
        "2026-01-31T23:59:59+24:00",
        "2026-01-31T23:59:59+01:60",
        "2026-01-31T23:59:59*01:00",
        "2026-01-31T23:59:59+",
        "2026-01-31T23:59:59+Z",
        "2026-01-31T23:59:5:Z",
        "2026-01-31T23:59:59.12a4Z",
        "1738367999",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fenced(rows[i], strlen(rows[i]), expect_no_time, NULL);
    }
    fenced("2026-01-31T23:59:59Z\0", 21, expect_no_time, NULL);
    fenced("2026-01-31\00023:59:59Z", 20, expect_no_time, NULL);
}

Test(rfc3339, every_truncation_is_refused)
{
    static const char text[] = "2026-01-31T23:59:59.123456+01:00";
    for (size_t length = 0; length < sizeof text - 1; length++) {
        fenced(text, length, expect_no_time, NULL);
    }
}
