#include "schemas/tiers.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static struct config config_with(const char *delays)
{
    return (struct config){.retry_delays = delays};
}

Test(tiers, each_delay_from_a_second_up_is_a_topic_once)
{
    static const struct {
        const char *delays;
        const char *topics[5];
    } cases[] = {
        {"5s,30s,2m,10m,1h",
         {"outbound.retry.5s", "outbound.retry.30s", "outbound.retry.2m", "outbound.retry.10m",
          "outbound.retry.1h"}},
        {"1h,60s,1m,90s,10ms", {"outbound.retry.1m", "outbound.retry.90s", "outbound.retry.1h"}},
        {"1500ms,1s", {"outbound.retry.1s", "outbound.retry.1500ms"}},
        {"10ms,999ms", {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct config config = config_with(cases[i].delays);
        struct tiers tiers;
        tiers_of(&config, &tiers);
        size_t wanted = 0;
        for (; wanted < 5 && cases[i].topics[wanted]; wanted++) {
            cr_assert(lt(sz, wanted, tiers.count), "%s", cases[i].delays);
            cr_expect(eq(str, tiers.tier[wanted].topic, (char *)(uintptr_t)cases[i].topics[wanted]));
            cr_expect(tier_topic(tiers.tier[wanted].topic));
        }
        cr_expect(eq(sz, tiers.count, wanted), "%s", cases[i].delays);
    }
    cr_expect_not(tier_topic("outbound.accepted"));
}

Test(tiers, a_wait_is_never_shorter_than_asked_for)
{
    const struct config config = config_with("5s,30s,2m");
    struct tiers tiers;
    tiers_of(&config, &tiers);
    static const struct {
        int64_t asked_ms;
        int64_t least_ms;
        const char *topic;
    } cases[] = {
        {1, 1, "outbound.accepted"},           {999, 999, "outbound.accepted"},
        {1000, 5000, "outbound.retry.5s"},     {5000, 5000, "outbound.retry.5s"},
        {5001, 30000, "outbound.retry.30s"},   {120000, 120000, "outbound.retry.2m"},
        {120001, 120001, "outbound.accepted"}, {86400000, 86400000, "outbound.accepted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int n = 0; n < 200; n++) {
            const struct uuid id = uuid_v7();
            const struct wait wait = tiers_wait(&tiers, &config, &id, cases[i].asked_ms);
            const int64_t most_ms = cases[i].least_ms + cases[i].least_ms / 10;
            cr_assert(wait.delay_ms >= cases[i].least_ms && wait.delay_ms <= most_ms, "case %zu: %lld ms", i,
                      (long long)wait.delay_ms);
            cr_assert_str_eq(wait.topic, cases[i].topic, "case %zu", i);
            cr_assert_eq(wait.hold_ms, tier_topic(wait.topic) ? 0 : wait.delay_ms, "case %zu", i);
        }
    }
}

/* Otherwise those that failed together come back together. */
Test(tiers, waits_are_spread_over_a_tenth)
{
    const struct config config = config_with("100s");
    struct tiers tiers;
    tiers_of(&config, &tiers);
    int64_t shortest = INT64_MAX;
    int64_t longest = 0;
    for (int n = 0; n < 2000; n++) {
        const struct uuid id = uuid_v7();
        const int64_t delay_ms = tiers_wait(&tiers, &config, &id, 1000).delay_ms;
        shortest = delay_ms < shortest ? delay_ms : shortest;
        longest = delay_ms > longest ? delay_ms : longest;
    }
    cr_expect(eq(i64, shortest, 100000));
    cr_expect(gt(i64, longest, 108000));
}
