#include "dlq/options.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>

#include "support/says.h"

#define NOW_US INT64_C(1769904000000000)
#define WORDS_MAX 8

static struct dlq_options options;
static struct error error;

/* Words up to a NULL. */
static bool parse(const char *const *words)
{
    char *arguments[WORDS_MAX];
    size_t count = 0;
    for (; words[count]; count++) {
        arguments[count] = (char *)(uintptr_t)words[count];
    }
    return dlq_options_parse(arguments, count, NOW_US, &options, &error);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

Test(dlq_options, a_command_with_everything)
{
    cr_assert(PARSE("replay", "--channel=EMAIL", "--rate", "500", "--dry-run", "--force", "--json"), "%s",
              error.text);
    cr_expect(eq(int, options.verb, DLQ_REPLAY));
    cr_expect(eq(str, (char *)options.filter.channel, "EMAIL"));
    cr_expect(eq(i64, options.rate, 500));
    cr_expect(options.dry_run && options.force && options.json);
}

Test(dlq_options, what_follows_from_the_command)
{
    cr_assert(PARSE("list"));
    cr_expect(eq(i64, options.filter.limit, 50));
    cr_assert(PARSE("replay"));
    cr_expect(eq(i64, options.filter.limit, 0));
    cr_expect(not(options.filter.has_until));
    cr_assert(PARSE("archive"));
    cr_expect(options.filter.has_until);
    cr_expect(eq(i64, options.filter.until_us, NOW_US - INT64_C(604800000000)));
    cr_assert(PARSE("archive", "--until=1h"));
    cr_expect(eq(i64, options.filter.until_us, NOW_US - INT64_C(3600000000)));
    cr_assert(PARSE("archive", "--id=3"));
    cr_expect(not(options.filter.has_until));
    cr_assert(PARSE("show", "12"));
    cr_expect(eq(i64, options.filter.letter_ids[0], 12));
    cr_assert(PARSE("discard", "--all"));
    cr_assert(PARSE("discard", "--code=TIMEOUT"));
}

Test(dlq_options, what_is_wrong_is_named)
{
    static const char *const rows[][5] = {
        {"", "say consume", NULL},
        {"replays", "replays", NULL},
        {"show", "show", NULL},
        {"show", "\"x\"", "x", NULL},
        {"show", "show", "1", "2", NULL},
        {"list", "3", "3", NULL},
        {"list", "--no", "--no=1", NULL},
        {"list", "-c", "-c", NULL},
        {"list", "--channel \"FAX\"", "--channel", "FAX", NULL},
        {"list", "--channel", "--channel", NULL},
        {"list", "--limit", "--limit=10001", NULL},
        {"list", "--force", "--force", NULL},
        {"list", "--rate", "--rate=5", NULL},
        {"replay", "--status", "--status=OPEN", NULL},
        {"replay", "--rate", "--rate=0", NULL},
        {"replay", "--rate", "--rate=fast", NULL},
        {"replay", "--rate", "--rate=1000001", NULL},
        {"replay", "--dry-run", "--dry-run=yes", NULL},
        {"replay", "--since", "--since=tomorrow", NULL},
        {"replay", "--since", "--since=1h", "--until=2h", NULL},
        {"replay", "--all", "--all", NULL},
        {"discard", "--all", NULL},
        {"discard", "--all", "--limit=3", NULL},
        {"consume", "--json", "--json", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *words[WORDS_MAX] = {rows[i][0]};
        for (size_t j = 2; j < 5 && rows[i][j]; j++) {
            words[j - 1] = rows[i][j];
        }
        cr_expect(not(parse(words)), "row %zu is accepted", i);
        EXPECT_SAYS(error.text, rows[i][1]);
    }
    cr_expect(not(dlq_options_parse(NULL, 0, NOW_US, &options, &error)));
    EXPECT_SAYS(error.text, "replay");
}
