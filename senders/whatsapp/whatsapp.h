/*
 * whatsapp.h - WhatsApp messages by Meta's Cloud API.
 *
 * A template where the settings have one for the code, with the members `language` (instead of the settings'
 * one) and `components` of payloadJson; else its `text`.
 *
 * Request: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
 */
#ifndef SENDERS_WHATSAPP_H
#define SENDERS_WHATSAPP_H

#include "senders/provider.h"

extern const struct provider whatsapp;

#endif
