/*
 * The way of one e-mail through SendGrid's stand-in: checked, perhaps made to fail, written down, answered.
 */
#include "sandbox/mail_send.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "sandbox/sendgrid.h"

#define PROVIDER "sendgrid"
#define ID_SIZE 23 /* 22 characters: 16 bytes in base64url */
#define ERRORS_MAX ((size_t)256 * 1024)
#define RATE_LIMIT "600"
#define RATE_WINDOW_S 60
#define HEADERS_MAX (FAULT_HEADERS_MAX + 8)

/* Of a body that is empty there is no half: what a cut answer promises then, and does not send. */
#define CUT_BODY "{\"message\":\"this answer was cut\"}"

enum answer_kind { ANSWER_WHOLE, ANSWER_CUT, ANSWER_RESET };

/* What a request gets when it is due. Lives in the request's arena, with all that it points to. */
struct answer {
    struct waiter waiter;
    enum answer_kind kind;
    int status;
    struct http_header headers[HEADERS_MAX + 1];
    const char *body;
    size_t body_length;
};

bool mail_send_begins(struct sandbox *sandbox)
{
    sandbox->stats.requests++;
    const bool cut = faults_strike(sandbox->faults, FAULT_BEFORE, NULL);
    sandbox->stats.faulted += cut;
    return !cut;
}

bool mail_send_arrives(struct sandbox *sandbox)
{
    const bool cut = faults_strike(sandbox->faults, FAULT_DURING, NULL);
    sandbox->stats.faulted += cut;
    return !cut;
}

static void send_answer(struct answer *answer)
{
    struct http_request *http = answer->waiter.http;
    if (answer->kind == ANSWER_RESET) {
        http_reset(http);
    } else if (answer->kind == ANSWER_CUT) {
        http_respond_broken(http, answer->status, answer->body_length, answer->body, answer->body_length / 2);
    } else {
        http_respond(http, answer->status, answer->headers, answer->body, answer->body_length);
    }
}

void mail_send_answers(void *sandbox, struct waiter *const *due, size_t count)
{
    const bool written = sandbox_write_deliveries(sandbox);
    for (size_t i = 0; i < count; i++) {
        struct answer *answer = CONTAINER_OF(due[i], struct answer, waiter);
        answer->kind = written ? answer->kind : ANSWER_RESET;
        send_answer(answer);
    }
}

static struct answer *answer_new(struct http_request *http)
{
    struct answer *answer = arena_alloc(&http->arena, sizeof *answer);
    answer->waiter.http = http;
    answer->body = "";
    return answer;
}

/* Replaces a header of the same name. Beyond HEADERS_MAX they are left out. */
static void set_header(struct answer *answer, const char *name, const char *value)
{
    for (size_t i = 0; i < HEADERS_MAX; i++) {
        if (!answer->headers[i].name || strcasecmp(answer->headers[i].name, name) == 0) {
            answer->headers[i] = (struct http_header){name, value};
            return;
        }
    }
}

static void set_errors(struct answer *answer, int status, const struct sendgrid_errors *errors)
{
    struct arena *arena = &answer->waiter.http->arena;
    struct buffer document;
    buffer_init(&document, ERRORS_MAX);
    sendgrid_write_errors(errors, &document);
    answer->status = status;
    answer->body = arena_copy(arena, document.bytes, document.length);
    answer->body_length = document.length;
    buffer_release(&document);
    set_header(answer, "Content-Type", "application/json");
}

/* The answer that SendGrid gives with a status of 4xx or 5xx, or the status alone. */
static void set_status(struct answer *answer, int status, const char *message)
{
    answer->status = status;
    if (status >= 400) {
        set_errors(
            answer, status,
            &(struct sendgrid_errors){
                .count = 1, .items = {{.message = message ? message : sendgrid_status_message(status)}}});
    }
    if (status == 429) {
        char *reset = arena_alloc(&answer->waiter.http->arena, 24);
        (void)snprintf(reset, 24, "%" PRId64, clock_wall_ms() / 1000 + RATE_WINDOW_S);
        set_header(answer, "X-RateLimit-Limit", RATE_LIMIT);
        set_header(answer, "X-RateLimit-Remaining", "0");
        set_header(answer, "X-RateLimit-Reset", reset);
    }
}

static void answer_later(struct sandbox *sandbox, struct answer *answer, int64_t delay_ms)
{
    if (answer->waiter.due_us != WAIT_FOREVER) {
        answer->waiter.due_us = answer->waiter.http->arrived_us + (sandbox->latency_ms + delay_ms) * 1000;
    }
    waiting_add(sandbox->waiting, &answer->waiter);
}

static void refuse(struct sandbox *sandbox, struct http_request *http, int status, const char *message)
{
    struct answer *answer = answer_new(http);
    set_status(answer, status, message);
    sandbox->stats.refused++;
    answer_later(sandbox, answer, 0);
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
        refuse(sandbox, http, 415, "Invalid UTF8 in request");
    } else if (!mail) {
        refuse(sandbox, http, 400, NULL);
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
    struct answer *answer = answer_new(http);
    set_errors(answer, 400, &errors);
    sandbox->stats.refused++;
    answer_later(sandbox, answer, 0);
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

static void set_fault(struct answer *answer, const struct fault *fault)
{
    struct arena *arena = &answer->waiter.http->arena;
    switch (fault->kind) {
    case FAULT_STATUS:
        set_status(answer, fault->status, NULL);
        break;
    case FAULT_CUT:
        answer->kind = ANSWER_CUT;
        answer->body = CUT_BODY;
        answer->body_length = strlen(CUT_BODY);
        break;
    case FAULT_RESET:
        answer->kind = ANSWER_RESET;
        break;
    case FAULT_HANG:
        answer->kind = ANSWER_RESET; /* once nothing can wait any longer */
        answer->waiter.due_us = WAIT_FOREVER;
        break;
    case FAULT_DELAY:
        break;
    }
    if (fault->body) {
        answer->body = arena_strdup(arena, fault->body);
        answer->body_length = strlen(answer->body);
        set_header(answer, "Content-Type", fault->body_is_json ? "application/json" : "text/plain");
    }
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)fault->headers, name, value) {
        set_header(answer, arena_strdup(arena, name), arena_strdup(arena, json_string_value(value)));
    }
}

/* What the file says came of the request. */
static const char *outcome(struct answer *answer, const struct fault *fault)
{
    if (fault && fault->kind != FAULT_STATUS && fault->kind != FAULT_DELAY) {
        return fault->kind == FAULT_HANG ? "hang" : fault->kind == FAULT_CUT ? "cut" : "reset";
    }
    if (answer->status == 202) {
        return "202";
    }
    char *text = arena_alloc(&answer->waiter.http->arena, 8);
    (void)snprintf(text, 8, "%d", answer->status);
    return text;
}

static void deliver(struct sandbox *sandbox, struct http_request *http, const struct sendgrid_mail *mail)
{
    struct answer *answer = answer_new(http);
    char *message_id = arena_alloc(&http->arena, ID_SIZE);
    new_message_id(message_id);
    answer->status = 202;
    const struct fault *fault = faults_strike(sandbox->faults, FAULT_AFTER, mail->to);
    if (fault) {
        sandbox->stats.faulted++;
        set_fault(answer, fault);
    }
    set_header(answer, "X-Message-Id", answer->status < 300 ? message_id : NULL);
    if (!fault || fault->accept) {
        sandbox_accept(sandbox, &(struct delivery){.provider = PROVIDER,
                                                   .provider_message_id = message_id,
                                                   .message_id = mail->message_id,
                                                   .attempt = mail->attempt,
                                                   .to = mail->to,
                                                   .subject = mail->subject,
                                                   .answered = outcome(answer, fault)});
    }
    answer_later(sandbox, answer, fault ? fault->delay_ms : 0);
}

void mail_send(struct sandbox *sandbox, struct http_request *http)
{
    if (http->too_large) {
        refuse(sandbox, http, 413, NULL);
        return;
    }
    if (!has_key(http)) {
        refuse(sandbox, http, 401, NULL);
        return;
    }
    if (!is_json(http)) {
        refuse(sandbox, http, 415, NULL);
        return;
    }
    json_t *body = parse(sandbox, http);
    if (body && check(sandbox, http, body)) {
        const struct sendgrid_mail mail = sendgrid_read(body);
        if (mail.sandbox_mode) {
            struct answer *answer = answer_new(http);
            set_status(answer, 200, NULL);
            answer_later(sandbox, answer, 0);
        } else {
            deliver(sandbox, http, &mail);
        }
    }
    json_decref(body);
}
