#include "senders/policy.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static struct config config_with(const char *policy)
{
    return (struct config){.email_unknown_policy = policy, .retry_delays = "5s,30s,2m"};
}

static struct decision decide(const char *policy, enum error_code code, int attempt_count,
                              int64_t retry_after_ms)
{
    const struct config config = config_with(policy);
    const struct message message = {.attempt_count = attempt_count, .max_attempts = 3};
    const struct verdict verdict = {.code = code, .retry_after_ms = retry_after_ms};
    static struct tiers tiers;
    tiers_of(&config, &tiers);
    return policy_decide(&config, &tiers, CHANNEL_EMAIL, &message, &verdict);
}

Test(policy, each_kind_of_end)
{
    static const struct {
        const char *policy;
        enum error_code code;
        int attempt_count;
        enum state state;
        const char *outcome;
    } cases[] = {
        {"resend", ERROR_NONE, 1, STATE_SENT, "SENT"},
        {"resend", ERROR_NONE, 3, STATE_SENT, "SENT"},
        {"resend", ERROR_TEMPORARY_ERROR, 1, STATE_QUEUED, "RETRY"},
        {"resend", ERROR_TEMPORARY_ERROR, 2, STATE_QUEUED, "RETRY"},
        {"resend", ERROR_TEMPORARY_ERROR, 3, STATE_FAILED, "FAILED"},
        {"resend", ERROR_INVALID_EMAIL, 1, STATE_FAILED, "FAILED"},
        {"resend", ERROR_TIMEOUT, 1, STATE_QUEUED, "UNKNOWN"},
        {"resend", ERROR_TIMEOUT, 3, STATE_FAILED, "UNKNOWN"},
        {"hold", ERROR_TIMEOUT, 1, STATE_UNKNOWN, "UNKNOWN"},
        {"hold", ERROR_CONNECTION_LOST, 3, STATE_UNKNOWN, "UNKNOWN"},
        {"hold", ERROR_CONNECTION_FAILED, 1, STATE_QUEUED, "RETRY"},
        {"hold", ERROR_INVALID_EMAIL, 1, STATE_FAILED, "FAILED"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct decision decision = decide(cases[i].policy, cases[i].code, cases[i].attempt_count, 0);
        cr_expect_eq(decision.state, cases[i].state, "case %zu: %s", i, state_name(decision.state));
        cr_expect_str_eq(decision.outcome, cases[i].outcome, "case %zu", i);
        cr_expect_eq(decision.wait.delay_ms > 0, decision.state == STATE_QUEUED, "case %zu", i);
    }
}

Test(policy, every_code_that_may_be_delivered_is_held_where_that_is_asked_for)
{
    for (int code = 1; code < ERROR_CODE_COUNT; code++) {
        const struct decision decision = decide("hold", (enum error_code)code, 1, 0);
        cr_expect_eq(decision.state == STATE_UNKNOWN, error_row((enum error_code)code)->may_be_delivered,
                     "%s", error_row((enum error_code)code)->name);
    }
}

Test(policy, every_decision_is_a_legal_change)
{
    for (int code = 0; code < ERROR_CODE_COUNT; code++) {
        for (int attempts = 1; attempts <= 3; attempts++) {
            cr_expect(
                state_may_change(STATE_SENDING, decide("hold", (enum error_code)code, attempts, 0).state));
            cr_expect(
                state_may_change(STATE_SENDING, decide("resend", (enum error_code)code, attempts, 0).state));
        }
    }
}

/* Never early; at most a tenth late. */
static void expect_delay(int64_t delay_ms, int64_t wanted_ms)
{
    cr_expect(delay_ms >= wanted_ms && delay_ms <= wanted_ms + wanted_ms / 10, "%lld, wanted %lld",
              (long long)delay_ms, (long long)wanted_ms);
}

Test(policy, delays_follow_the_list_and_what_the_provider_asks_for)
{
    for (int i = 0; i < 1000; i++) {
        expect_delay(decide("resend", ERROR_TEMPORARY_ERROR, 1, 0).wait.delay_ms, 5000);
        expect_delay(decide("resend", ERROR_TEMPORARY_ERROR, 2, 0).wait.delay_ms, 30000);
        expect_delay(decide("resend", ERROR_RATE_LIMIT_EXCEEDED, 1, 60000).wait.delay_ms, 120000);
        expect_delay(decide("resend", ERROR_RATE_LIMIT_EXCEEDED, 2, 1000).wait.delay_ms, 30000);
        expect_delay(decide("resend", ERROR_RATE_LIMIT_EXCEEDED, 1, INT64_MAX).wait.delay_ms,
                     (int64_t)24 * 3600 * 1000);
    }
}
