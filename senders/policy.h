/*
 * policy.h - what follows from a verdict: the only place that decides about retries and giving up.
 */
#ifndef SENDERS_POLICY_H
#define SENDERS_POLICY_H

#include <stdint.h>

#include "schemas/channels.h"
#include "schemas/config.h"
#include "schemas/states.h"
#include "senders/message.h"
#include "senders/verdict.h"

struct decision {
    enum state state;    /* the message's next */
    const char *outcome; /* the attempt's: SENT, RETRY, FAILED or UNKNOWN */
    int64_t delay_ms;    /* until the next attempt, when there is one */
};

struct decision policy_decide(const struct config *config, enum channel channel,
                              const struct message *message, const struct verdict *verdict);

#endif
