#include "base/clock.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <time.h>

Test(clock, rfc3339)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {7, "1970-01-01T00:00:00.007Z"},
        {999, "1970-01-01T00:00:00.999Z"},
        {1000, "1970-01-01T00:00:01.000Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {1769903999123, "2026-01-31T23:59:59.123Z"},
        {2147483648000, "2038-01-19T03:14:08.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339(rows[i].ms, text);
        cr_expect(eq(str, text, rows[i].text));
    }
}

Test(clock, wall_clock_is_the_systems)
{
    const int64_t before_s = time(NULL);
    const int64_t us = clock_wall_us();
    const int64_t ms = clock_wall_ms();
    const int64_t after_s = time(NULL);
    cr_expect(ge(i64, us / 1000000, before_s - 1)); /* time() reads a coarser clock */
    cr_expect(le(i64, us / 1000000, after_s + 1));
    cr_expect(ge(i64, ms / 1000, before_s - 1));
    cr_expect(le(i64, ms / 1000, after_s + 1));
}

Test(clock, monotonic_clock_never_goes_back_and_its_units_agree)
{
    int64_t last_us = clock_monotonic_us();
    for (int i = 0; i < 10000; i++) {
        const int64_t ms = clock_monotonic_ms();
        const int64_t us = clock_monotonic_us();
        cr_assert(ge(i64, us, last_us));
        cr_assert(ge(i64, ms, last_us / 1000));
        cr_assert(le(i64, ms, us / 1000));
        last_us = us;
    }
}
