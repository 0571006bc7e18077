/*
 * mail_send.h - POST /v3/mail/send: the way of one e-mail.
 */
#ifndef SANDBOX_MAIL_SEND_H
#define SANDBOX_MAIL_SEND_H

#include <stdbool.h>

#include "sandbox/sandbox.h"

/* The headers are there. False: cut the connection. */
bool mail_send_begins(struct sandbox *sandbox);

/* A part of the body is there. False: cut the connection. */
bool mail_send_arrives(struct sandbox *sandbox);

/* The request is there. */
void mail_send(struct sandbox *sandbox, struct http_request *http);

/* Answers are due (a waiting_due_fn; the argument is the sandbox). */
void mail_send_answers(void *sandbox, struct waiter *const *due, size_t count);

#endif
