/*
 * mail_send.h - SendGrid's POST /v3/mail/send: the way of one e-mail.
 */
#ifndef SANDBOX_MAIL_SEND_H
#define SANDBOX_MAIL_SEND_H

#include "sandbox/sandbox.h"

void mail_send(struct sandbox *sandbox, struct http_request *http);

#endif
