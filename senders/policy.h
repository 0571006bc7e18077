/*
 * policy.h - what follows from a verdict: the only place that decides about retries and giving up.
 */
#ifndef SENDERS_POLICY_H
#define SENDERS_POLICY_H

#include <stdint.h>

#include "schemas/channels.h"
#include "schemas/config.h"
#include "schemas/states.h"
#include "schemas/tiers.h"
#include "senders/message.h"
#include "senders/verdict.h"

struct decision {
    enum state state;    /* the message's next */
    const char *outcome; /* the attempt's: SENT, RETRY, FAILED or UNKNOWN */
    struct wait wait;    /* for the next attempt, when there is one: QUEUED */
};

struct decision policy_decide(const struct config *config, const struct tiers *tiers, enum channel channel,
                              const struct message *message, const struct verdict *verdict);

#endif
