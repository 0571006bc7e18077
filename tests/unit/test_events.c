#include "schemas/events.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "support/says.h"

static const struct {
    const char *setting;
    unsigned wanted; /* a bit for each state; 0 with `wrong`: refused */
    const char *wrong;
} rows[] = {
    {"all", (1U << STATE_COUNT) - 1, NULL},
    {"off", 0, NULL},
    {"SENT", 1U << STATE_SENT, NULL},
    {"SENT,FAILED,EXPIRED", 1U << STATE_SENT | 1U << STATE_FAILED | 1U << STATE_EXPIRED, NULL},
    {"", 0, "\"\""},
    {"none", 0, "\"none\""},
    {"sent", 0, "\"sent\""},
    {"SENT,", 0, "\"\""},
    {"SENT,FAIL", 0, "\"FAIL\""},
    {"SENT FAILED", 0, "\"SENT FAILED\""},
    {"SENT,all", 0, "\"all\""},
};

Test(events, a_setting_says_what_is_told_or_what_is_wrong_with_it)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct config config = {.events = rows[i].setting};
        struct error error = {0};
        cr_expect(events_check(&config, &error) == !rows[i].wrong, "%s", rows[i].setting);
        if (rows[i].wrong) {
            EXPECT_SAYS(error.text, "OUTBOUND_EVENTS: ");
            EXPECT_SAYS(error.text, rows[i].wrong);
            continue;
        }
        for (int state = 0; state < STATE_COUNT; state++) {
            cr_expect(events_want(&config, (enum state)state) == (rows[i].wanted >> state & 1), "%s: %s",
                      rows[i].setting, state_name((enum state)state));
        }
    }
}
