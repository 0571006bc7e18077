/*
 * The way of one e-mail through SendGrid's stand-in: checked, perhaps made to fail, written down, answered.
 */
#include "sandbox/mail_send.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "sandbox/answer.h"
#include "sandbox/sendgrid.h"

#define ID_SIZE 23 /* 22 characters: 16 bytes in base64url */
#define ERRORS_MAX ((size_t)256 * 1024)
#define RATE_LIMIT "600"
#define RATE_WINDOW_S 60

static void set_errors(struct answer *answer, const struct sendgrid_errors *errors)
{
    struct buffer document;
    buffer_init(&document, ERRORS_MAX);
    sendgrid_write_errors(errors, &document);
    answer_set_json(answer, document.bytes, document.length);
    buffer_release(&document);
}

static void say_message(struct answer *answer, const char *message)
{
    set_errors(answer, &(struct sendgrid_errors){.count = 1, .items = {{.message = message}}});
}

/* An answer_status_fn: SendGrid's document, and its headers where it limits the rate. */
static void say_status(struct answer *answer, int status)
{
    if (status >= 400) {
        say_message(answer, sendgrid_status_message(status));
    }
    if (status == 429) {
        char *reset = arena_alloc(&answer->waiter.http->arena, 24);
        (void)snprintf(reset, 24, "%" PRId64, clock_wall_ms() / 1000 + RATE_WINDOW_S);
        answer_set_header(answer, "X-RateLimit-Limit", RATE_LIMIT);
        answer_set_header(answer, "X-RateLimit-Remaining", "0");
        answer_set_header(answer, "X-RateLimit-Reset", reset);
    }
}

static void refuse(struct sandbox *sandbox, struct http_request *http, int status)
{
    struct answer *answer = answer_new(http, status);
    say_status(answer, status);
    answer_refuse(sandbox, answer);
}

static bool has_key(const struct http_request *http)
{
    const char *authorization = http_request_header(http, "Authorization");
    return authorization && strncasecmp(authorization, "Bearer ", 7) == 0 && authorization[7] > ' ';
}

static bool is_json(const struct http_request *http)
{
    const char *type = http_request_header(http, "Content-Type");
    return type && strncasecmp(type, "application/json", 16) == 0 &&
           (type[16] == '\0' || strchr(" ;", type[16]));
}

static json_t *parse(struct sandbox *sandbox, struct http_request *http)
{
    json_error_t problem;
    json_t *mail = json_loadb(http->body.bytes ? http->body.bytes : "", http->body.length, 0, &problem);
    if (!mail && json_error_code(&problem) == json_error_invalid_utf8) {
        struct answer *answer = answer_new(http, 415);
        say_message(answer, "Invalid UTF8 in request");
        answer_refuse(sandbox, answer);
    } else if (!mail) {
        refuse(sandbox, http, 400);
    }
    return mail;
}

static bool check(struct sandbox *sandbox, struct http_request *http, const json_t *mail)
{
    struct sendgrid_errors errors;
    errors.arena = &http->arena;
    errors.count = 0;
    sendgrid_check(mail, clock_wall_ms() / 1000, &errors);
    if (errors.count == 0) {
        return true;
    }
    struct answer *answer = answer_new(http, 400);
    set_errors(answer, &errors);
    answer_refuse(sandbox, answer);
    return false;
}

static void new_message_id(char ret_id[ID_SIZE])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const struct uuid random = uuid_v4();
    const unsigned char *bytes = random.bytes;
    for (int i = 0; i < 5; i++, bytes += 3) {
        const unsigned triple = (unsigned)bytes[0] << 16 | (unsigned)bytes[1] << 8 | bytes[2];
        for (int digit = 0; digit < 4; digit++) {
            ret_id[4 * i + digit] = digits[triple >> (18 - 6 * digit) & 63];
        }
    }
    ret_id[20] = digits[bytes[0] >> 2];
    ret_id[21] = digits[(bytes[0] & 3) << 4];
    ret_id[22] = '\0';
}

static void deliver(struct sandbox *sandbox, struct http_request *http, const struct sendgrid_mail *mail)
{
    struct answer *answer = answer_new(http, 202);
    char *message_id = arena_alloc(&http->arena, ID_SIZE);
    new_message_id(message_id);
    answer_set_header(answer, "X-Message-Id", message_id);
    char *content = json_dumps(mail->content, JSON_COMPACT);
    answer_accept(sandbox, answer,
                  &(struct delivery){.channel = "EMAIL",
                                     .provider = "sendgrid",
                                     .provider_message_id = message_id,
                                     .message_id = mail->message_id,
                                     .attempt = mail->attempt,
                                     .to = mail->to,
                                     .subject = mail->subject,
                                     .content = content},
                  say_status);
    free(content);
}

void mail_send(struct sandbox *sandbox, struct http_request *http)
{
    if (http->too_large) {
        refuse(sandbox, http, 413);
        return;
    }
    if (!has_key(http)) {
        refuse(sandbox, http, 401);
        return;
    }
    if (!is_json(http)) {
        refuse(sandbox, http, 415);
        return;
    }
    json_t *body = parse(sandbox, http);
    if (body && check(sandbox, http, body)) {
        const struct sendgrid_mail mail = sendgrid_read(body);
        if (mail.sandbox_mode) {
            answer_only(sandbox, answer_new(http, 200));
        } else {
            deliver(sandbox, http, &mail);
        }
    }
    json_decref(body);
}
