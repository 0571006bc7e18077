#include "sandbox/twilio_messages.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "sandbox/answer.h"
#include "sandbox/twilio.h"

#define DOCUMENT_MAX ((size_t)8 * 1024 * 1024) /* a body of 1 MB, each byte escaped */
#define BASE64_MAX 2048
#define ACCOUNTS "/2010-04-01/Accounts/"

static void say(struct answer *answer, const struct twilio_error *error)
{
    struct buffer document;
    buffer_init(&document, DOCUMENT_MAX);
    twilio_write_error(error, &document);
    answer_set_json(answer, document.bytes, document.length);
    buffer_release(&document);
}

/* An answer_status_fn. */
static void say_status(struct answer *answer, int status)
{
    if (status >= 400) {
        const struct twilio_error error = twilio_status_error(status);
        say(answer, &error);
    }
}

static void refuse(struct sandbox *sandbox, struct http_request *http, const struct twilio_error *error)
{
    struct answer *answer = answer_new(http, error->status);
    say(answer, error);
    answer_refuse(sandbox, answer);
}

static const char *account_of(struct http_request *http)
{
    const char *sid = http->path + strlen(ACCOUNTS);
    return arena_copy(&http->arena, sid, strcspn(sid, "/"));
}

/* Basic authentication as the account, with any token. */
static bool is_authentic(const struct http_request *http, const char *account_sid)
{
    const char *authorization = http_request_header(http, "Authorization");
    if (!authorization || strncasecmp(authorization, "Basic ", 6) != 0 ||
        strlen(authorization + 6) > BASE64_MAX) {
        return false;
    }
    unsigned char pair[BASE64_MAX + 1] = {0};
    const char *encoded = authorization + 6;
    if (EVP_DecodeBlock(pair, (const unsigned char *)encoded, (int)strlen(encoded)) < 0) {
        return false;
    }
    const size_t length = strlen(account_sid);
    return strncmp((const char *)pair, account_sid, length) == 0 && pair[length] == ':' && pair[length + 1];
}

/* `StatusCallback` is called as it is, so callers put what they want to know again into its query. NULL: not
 * there. */
static const char *callback_value(const struct form *form, const char *name, struct arena *arena)
{
    const char *url = form_value(form, "StatusCallback");
    const char *query = url ? strchr(url, '?') : NULL;
    struct form *fields = arena_alloc(arena, sizeof *fields);
    return query && form_parse(query + 1, strlen(query + 1), arena, fields) ? form_value(fields, name) : NULL;
}

static void deliver(struct sandbox *sandbox, struct http_request *http, const char *account_sid,
                    const struct form *form)
{
    struct twilio_message *message = arena_alloc(&http->arena, sizeof *message);
    message->account_sid = account_sid;
    message->form = form;
    const struct uuid random = uuid_v4();
    message->sid[0] = 'S';
    message->sid[1] = 'M';
    for (size_t i = 0; i < sizeof random.bytes; i++) {
        (void)snprintf(message->sid + 2 + 2 * i, 3, "%02x", random.bytes[i]);
    }
    struct buffer document;
    buffer_init(&document, DOCUMENT_MAX);
    twilio_write_message(message, clock_wall_ms() / 1000, &document);
    struct answer *answer = answer_new(http, 201);
    answer_set_json(answer, document.bytes, document.length);
    buffer_release(&document);
    const char *body = form_value(form, "Body");
    struct buffer content;
    buffer_init(&content, DOCUMENT_MAX);
    buffer_json_string(&content, body ? body : "", body ? strlen(body) : 0);
    answer_accept(sandbox, answer,
                  &(struct delivery){.channel = "SMS",
                                     .provider = "twilio",
                                     .provider_message_id = message->sid,
                                     .message_id = callback_value(form, "messageId", &http->arena),
                                     .attempt = callback_value(form, "attempt", &http->arena),
                                     .to = form_value(form, "To"),
                                     .content = content.bytes},
                  say_status);
    buffer_release(&content);
}

void twilio_messages(struct sandbox *sandbox, struct http_request *http)
{
    const char *account_sid = account_of(http);
    struct form form;
    struct twilio_error error;
    if (!is_authentic(http, account_sid)) {
        error = twilio_status_error(401);
    } else if (http->too_large || !form_parse(http->body.bytes ? http->body.bytes : "", http->body.length,
                                              &http->arena, &form)) {
        error = twilio_status_error(400);
    } else if (twilio_check(&form, &http->arena, &error)) {
        deliver(sandbox, http, account_sid, &form);
        return;
    }
    refuse(sandbox, http, &error);
}
