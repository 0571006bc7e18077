/*
 * twilio.h - SMS by Twilio's Programmable Messaging API.
 *
 * Request: the operation CreateMessage in twilio_api_v2010.json (github.com/twilio/twilio-oai).
 * Errors: https://www.twilio.com/docs/api/errors
 */
#ifndef SENDERS_TWILIO_H
#define SENDERS_TWILIO_H

#include "senders/provider.h"

extern const struct provider twilio;

#endif
