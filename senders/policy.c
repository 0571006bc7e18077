#include "senders/policy.h"

#include <string.h>

/* A provider that asks for more than a day is not believed. */
#define RETRY_AFTER_MAX_MS ((int64_t)24 * 3600 * 1000)

/* The list's pause, or what the provider asks for when that is longer. */
static int64_t delay_ms(const struct config *config, int attempt_count, int64_t retry_after_ms)
{
    const int64_t delay = config_retry_delay_ms(config, attempt_count);
    const int64_t asked = retry_after_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : retry_after_ms;
    return asked > delay ? asked : delay;
}

struct decision policy_decide(const struct config *config, const struct tiers *tiers, enum channel channel,
                              const struct message *message, const struct verdict *verdict)
{
    if (verdict->code == ERROR_NONE) {
        return (struct decision){STATE_SENT, "SENT", {0}};
    }
    const struct error_row *error = error_row(verdict->code);
    const bool unknown = error->may_be_delivered;
    if (unknown && strcmp(config_unknown_policy(config, channel), "hold") == 0) {
        return (struct decision){STATE_UNKNOWN, "UNKNOWN", {0}};
    }
    const bool counts = verdict->code != ERROR_NOT_STARTED; /* nothing was tried */
    if (error->remedy == PERMANENT || (counts && message->attempt_count >= message->max_attempts)) {
        return (struct decision){STATE_FAILED, unknown ? "UNKNOWN" : "FAILED", {0}};
    }
    const int64_t least_ms = delay_ms(config, message->attempt_count, verdict->retry_after_ms);
    return (struct decision){STATE_QUEUED, unknown ? "UNKNOWN" : "RETRY",
                             tiers_wait(tiers, config, &message->id, least_ms)};
}
