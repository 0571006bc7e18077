/*
 * twilio_messages.h - Twilio's POST /2010-04-01/Accounts/{AccountSid}/Messages.json: the way of one SMS.
 */
#ifndef SANDBOX_TWILIO_MESSAGES_H
#define SANDBOX_TWILIO_MESSAGES_H

#include "sandbox/sandbox.h"

void twilio_messages(struct sandbox *sandbox, struct http_request *http);

#endif
