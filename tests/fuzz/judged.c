#include "tests/fuzz/judged.h"

#include <string.h>

#include "senders/policy.h"
#include "senders/sendgrid/sendgrid.h"
#include "senders/ses/ses.h"
#include "senders/smtp/smtp.h"
#include "senders/sns/sns.h"
#include "senders/twilio/twilio.h"
#include "senders/whatsapp/whatsapp.h"
#include "tests/fuzz/targets.h"

#define DELAY_MAX_MS ((int64_t)24 * 3600 * 1000 / 10 * 11) /* a day and the jitter */

static const struct provider *const drivers[] = {&sendgrid, &ses, &smtp, &sns, &twilio, &whatsapp};

static const struct config config = {.retry_delays = "5s,30s,2m,10m,1h",
                                     .email_unknown_policy = "resend",
                                     .sms_unknown_policy = "resend",
                                     .whatsapp_unknown_policy = "hold"};

/* What follows from it is an end, or another attempt that is neither in the past nor endlessly far away. */
static void must_be_decided(const struct verdict *verdict, enum channel channel)
{
    struct tiers tiers;
    const struct message message = {.attempt_count = 1, .max_attempts = 5};
    tiers_of(&config, &tiers);
    const struct decision decision = policy_decide(&config, &tiers, channel, &message, verdict);
    must((verdict->code == ERROR_NONE) == (decision.state == STATE_SENT));
    if (decision.state == STATE_QUEUED) {
        must(decision.wait.delay_ms > 0 && decision.wait.delay_ms <= DELAY_MAX_MS);
        must(decision.wait.hold_ms >= 0 && decision.wait.hold_ms <= decision.wait.delay_ms);
    } else {
        must(decision.state == STATE_SENT || decision.state == STATE_FAILED ||
             decision.state == STATE_UNKNOWN);
    }
}

void must_be_judged_by_all(const struct provider_answer *answer, bool by_smtp)
{
    for (size_t i = 0; i < COUNT_OF(drivers); i++) {
        struct verdict verdict = {0};
        if (drivers[i]->by_smtp != by_smtp) {
            continue;
        }
        drivers[i]->judge(answer, &verdict);
        must(verdict.http_status == answer->status);
        must(verdict.retry_after_ms >= 0);
        must_be_storable(verdict.text, strlen(verdict.text));
        must(verdict.code == ERROR_NONE || *verdict.text);
        must(verdict.code != ERROR_NONE || (answer->status >= 200 && answer->status < 300));
        must_be_decided(&verdict, drivers[i]->channel);
    }
}
