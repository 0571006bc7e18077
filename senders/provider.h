/*
 * provider.h - what a driver for a provider is: two pure functions and a descriptor.
 *
 * A driver knows one provider's API and nothing else. It writes a request from a message and turns an answer
 * into facts; retries, giving up and slowing down are decided elsewhere (policy.h).
 */
#ifndef SENDERS_PROVIDER_H
#define SENDERS_PROVIDER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/smtp_client.h"
#include "schemas/channels.h"
#include "schemas/config.h"
#include "senders/message.h"
#include "senders/verdict.h"

/* Where requests go and as whom, the same for all messages (struct http_call says what each means). */
struct endpoint {
    char url[512];
    struct curl_slist *headers; /* freed by who asked for the endpoint */
    const char *user;           /* of the settings, as the password is; NULL: `headers` say who we are */
    const char *password;
    char aws_sigv4[192];    /* "": requests are not signed */
    size_t max_connections; /* how many messages may be on their way at once; 0: as many as the sender has */
    struct smtp_client_options mail; /* by_smtp: instead of `url`; time-outs and limits are the sender's */
};

/* A whole response. */
struct provider_answer {
    int status; /* of HTTP; by_smtp: the reply code */
    const char *body;
    size_t body_length;
    int64_t retry_after_s;
    /* A header of the response, or NULL. */
    const char *(*header)(void *arg, const char *name);
    void *header_arg;
};

struct provider {
    const char *name; /* in the database, in metrics */
    enum channel channel;
    bool by_smtp; /* requests are mails (base/smtp_client.h), not HTTP */

    /*
     * Once, at the start; `ret_endpoint` comes in all zero. False, naming the setting, when one that the
     * provider needs is missing or wrong.
     */
    bool (*endpoint)(const struct config *config, struct endpoint *ret_endpoint, struct error *error);

    /* Appends the request's body. False: the message cannot be sent by this provider; *ret_verdict says why.
     */
    bool (*build)(const struct config *config, const struct message *message, struct buffer *body,
                  struct verdict *ret_verdict);

    /* Turns a response into facts. `ret_verdict` comes in all zero. */
    void (*judge)(const struct provider_answer *answer, struct verdict *ret_verdict);
};

/* Whether all of a request's body has found room; when not, *ret_verdict says so. */
bool provider_body_fits(const struct buffer *body, struct verdict *ret_verdict);

/* A provider of a channel by its name, as the settings have it; NULL for "none". */
const struct provider *provider_find(enum channel channel, const char *name);

#endif
