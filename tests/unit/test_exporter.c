#include "metrics/exporter/exporter.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* Six collections and a minute, whichever is longer; both servers' numbers go by it. */
Test(exporter, old_numbers_go)
{
    static const struct {
        int64_t age_ms;
        int64_t interval_ms;
        bool too_old;
    } rows[] = {
        {0, 10000, false},  {60000, 10000, false}, {60001, 10000, true}, {60000, 100, false},
        {60001, 100, true}, {90000, 15000, false}, {90001, 15000, true}, {90001, 3600000, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect(eq(int, exporter_too_old(rows[i].age_ms, rows[i].interval_ms), rows[i].too_old), "row %zu",
                  i);
    }
}
