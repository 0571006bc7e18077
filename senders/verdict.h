/*
 * verdict.h - what became of one attempt: facts, not what follows from them (that is policy.h).
 */
#ifndef SENDERS_VERDICT_H
#define SENDERS_VERDICT_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/http_client.h"
#include "schemas/errors.h"

#define VERDICT_TEXT_MAX 512

struct verdict {
    enum error_code code;          /* ERROR_NONE: the provider took the message */
    int http_status;               /* or SMTP reply code; 0: no answer */
    int64_t retry_after_ms;        /* the provider asked for this pause; 0: it did not */
    char provider_message_id[128]; /* "": none */
    char text[VERDICT_TEXT_MAX];   /* the provider's or libcurl's words; valid UTF-8; "": none */
};

/* Sets code and text. What is not valid UTF-8 in the text, and control characters, become '?'. */
void verdict_set(struct verdict *verdict, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* What is not valid UTF-8 in a provider's text, and control characters, become '?': then it can be stored. */
void verdict_make_storable(char *text);

/* When no whole response arrived: which code libcurl's failure means. */
void verdict_of_transport(const struct http_result *result, struct verdict *ret_verdict);

/*
 * What holds for every provider when it has no better rule: 429, other 4xx, 5xx, and a success that was not
 * understood.
 */
enum error_code verdict_of_status(int http_status);

/* A pause that a provider asks for, for retry_after_ms; 0 when it lies in the past. policy.h caps it for
 * good. */
int64_t verdict_pause_ms(int64_t pause_s);

#endif
