/*
 * twilio_codes.h - what Twilio's error codes mean here.
 *
 * From https://www.twilio.com/docs/api/errors. Those from 30001 on come with a message that has failed, most
 * of them only later, in its status callback.
 */
#ifndef SENDERS_TWILIO_CODES_H
#define SENDERS_TWILIO_CODES_H

#include "senders/provider_codes.h"

extern const struct provider_code twilio_codes[];
extern const size_t twilio_codes_count;

#endif
