/*
 * whatsapp_codes.h - what the Cloud API's error codes mean here.
 *
 * From https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes, which asks to judge by
 * the code alone: the status that it comes with has changed over the versions.
 */
#ifndef SENDERS_WHATSAPP_CODES_H
#define SENDERS_WHATSAPP_CODES_H

#include "senders/provider_codes.h"

/* 200 stands for 200 to 299, 33 also for the subcode 33 of 100. */
extern const struct provider_code whatsapp_codes[];
extern const size_t whatsapp_codes_count;

#endif
