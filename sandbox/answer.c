#include "sandbox/answer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Of a body that is empty there is no half: what a cut answer promises then, and does not send. */
#define CUT_BODY "{\"message\":\"this answer was cut\"}"

bool answer_begins(struct sandbox *sandbox)
{
    sandbox->stats.requests++;
    const bool cut = faults_strike(sandbox->faults, FAULT_BEFORE, NULL);
    sandbox->stats.faulted += cut;
    return !cut;
}

bool answer_arrives(struct sandbox *sandbox)
{
    const bool cut = faults_strike(sandbox->faults, FAULT_DURING, NULL);
    sandbox->stats.faulted += cut;
    return !cut;
}

static void respond(struct answer *answer)
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

void answers_send(void *sandbox, struct waiter *const *due, size_t count)
{
    const bool written = sandbox_write_deliveries(sandbox);
    for (size_t i = 0; i < count; i++) {
        struct answer *answer = CONTAINER_OF(due[i], struct answer, waiter);
        answer->kind = written ? answer->kind : ANSWER_RESET;
        respond(answer);
    }
}

struct answer *answer_new(struct http_request *http, int status)
{
    struct answer *answer = arena_alloc(&http->arena, sizeof *answer);
    answer->waiter.http = http;
    answer->status = status;
    answer->body = "";
    return answer;
}

void answer_set_header(struct answer *answer, const char *name, const char *value)
{
    for (size_t i = 0; i < ANSWER_HEADERS_MAX; i++) {
        if (!answer->headers[i].name || strcasecmp(answer->headers[i].name, name) == 0) {
            answer->headers[i] = (struct http_header){name, value};
            return;
        }
    }
}

void answer_set_json(struct answer *answer, const char *document, size_t length)
{
    answer->body = arena_copy(&answer->waiter.http->arena, document, length);
    answer->body_length = length;
    answer_set_header(answer, "Content-Type", "application/json");
}

static void answer_later(struct sandbox *sandbox, struct answer *answer, int64_t delay_ms)
{
    if (answer->waiter.due_us != WAIT_FOREVER) {
        answer->waiter.due_us = answer->waiter.http->arrived_us + (sandbox->latency_ms + delay_ms) * 1000;
    }
    waiting_add(sandbox->waiting, &answer->waiter);
}

void answer_only(struct sandbox *sandbox, struct answer *answer)
{
    answer_later(sandbox, answer, 0);
}

void answer_refuse(struct sandbox *sandbox, struct answer *answer)
{
    sandbox->stats.refused++;
    answer_later(sandbox, answer, 0);
}

static void set_status(struct answer *answer, int status, answer_status_fn *say_status)
{
    answer->status = status;
    if (status >= 300) {
        memset(answer->headers, 0, sizeof answer->headers);
        answer->body = "";
        answer->body_length = 0;
        say_status(answer, status);
    }
}

static void set_fault(struct answer *answer, const struct fault *fault, answer_status_fn *say_status)
{
    struct arena *arena = &answer->waiter.http->arena;
    switch (fault->kind) {
    case FAULT_STATUS:
        set_status(answer, fault->status, say_status);
        break;
    case FAULT_CUT:
        answer->kind = ANSWER_CUT;
        if (answer->body_length == 0) {
            answer->body = CUT_BODY;
            answer->body_length = strlen(CUT_BODY);
        }
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
        answer_set_header(answer, "Content-Type", fault->body_is_json ? "application/json" : "text/plain");
    }
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)fault->headers, name, value) {
        answer_set_header(answer, arena_strdup(arena, name), arena_strdup(arena, json_string_value(value)));
    }
}

/* What the file says came of the request. */
static const char *outcome(struct answer *answer, const struct fault *fault)
{
    if (fault && fault->kind != FAULT_STATUS && fault->kind != FAULT_DELAY) {
        return fault->kind == FAULT_HANG ? "hang" : fault->kind == FAULT_CUT ? "cut" : "reset";
    }
    char *text = arena_alloc(&answer->waiter.http->arena, 8);
    (void)snprintf(text, 8, "%d", answer->status);
    return text;
}

void answer_accept(struct sandbox *sandbox, struct answer *answer, struct delivery *delivery,
                   answer_status_fn *say_status)
{
    const struct fault *fault = faults_strike(sandbox->faults, FAULT_AFTER, delivery->to);
    if (fault) {
        sandbox->stats.faulted++;
        set_fault(answer, fault, say_status);
    }
    if (!fault || fault->accept) {
        delivery->answered = outcome(answer, fault);
        sandbox_accept(sandbox, delivery);
    }
    answer_later(sandbox, answer, fault ? fault->delay_ms : 0);
}
