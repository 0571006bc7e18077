/*
 * answer.h - what a request to a provider gets: at once or later, whole, broken or never.
 *
 * The same for all providers: one makes its answer, and either refuses the request with it or accepts the
 * delivery, which a rule of /sandbox/faults may then turn into something else.
 */
#ifndef SANDBOX_ANSWER_H
#define SANDBOX_ANSWER_H

#include "sandbox/sandbox.h"

#define ANSWER_HEADERS_MAX (FAULT_HEADERS_MAX + 8)

enum answer_kind { ANSWER_WHOLE, ANSWER_CUT, ANSWER_RESET };

/* Lives in the request's arena, with all that it points to. */
struct answer {
    struct waiter waiter;
    enum answer_kind kind;
    int status;
    struct http_header headers[ANSWER_HEADERS_MAX + 1];
    const char *body;
    size_t body_length;
};

/* Sets status, body and headers to what a provider says with a status of 3xx to 5xx. */
typedef void answer_status_fn(struct answer *answer, int status);

/* The headers of a request are there. False: cut the connection. */
bool answer_begins(struct sandbox *sandbox);

/* A part of its body is there. False: cut the connection. */
bool answer_arrives(struct sandbox *sandbox);

/* Without headers and body. */
struct answer *answer_new(struct http_request *http, int status);

/* Replaces a header of the same name; those beyond ANSWER_HEADERS_MAX are left out. Strings stay the
 * caller's. */
void answer_set_header(struct answer *answer, const char *name, const char *value);

/* Copies the document. */
void answer_set_json(struct answer *answer, const char *document, size_t length);

/* Not accepted, by the provider's own rules. */
void answer_refuse(struct sandbox *sandbox, struct answer *answer);

/* Neither accepted nor refused. */
void answer_only(struct sandbox *sandbox, struct answer *answer);

/*
 * Accepted: goes into the file of deliveries, before the answer leaves, unless a fault says otherwise.
 * `delivery->answered` is filled in here.
 */
void answer_accept(struct sandbox *sandbox, struct answer *answer, struct delivery *delivery,
                   answer_status_fn *say_status);

/* Answers are due (a waiting_due_fn; the argument is the sandbox). */
void answers_send(void *sandbox, struct waiter *const *due, size_t count);

#endif
