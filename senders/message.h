/*
 * message.h - a claimed message as a provider's driver sees it.
 */
#ifndef SENDERS_MESSAGE_H
#define SENDERS_MESSAGE_H

#include <stdint.h>

#include "base/uuid.h"

/* Strings are NUL-terminated UTF-8 and belong to the claim that they came with. */
struct message {
    struct uuid id;
    int32_t attempt_no; /* the fence of its claim */
    int32_t attempt_count;
    int32_t max_attempts;
    const char *org_id;
    const char *to;
    const char *template_code;
    const char *subject; /* may be NULL, where the channel has none */
    const char *payload; /* JSON text of an object */
    const char *correlation_id;
};

#endif
