/*
 * whatsapp_messages.h - the Cloud API's POST /{version}/{phone-number-id}/messages: the way of one message.
 */
#ifndef SANDBOX_WHATSAPP_MESSAGES_H
#define SANDBOX_WHATSAPP_MESSAGES_H

#include "sandbox/sandbox.h"

void whatsapp_messages(struct sandbox *sandbox, struct http_request *http);

#endif
