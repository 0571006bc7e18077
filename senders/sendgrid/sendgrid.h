/*
 * sendgrid.h - e-mail by Twilio SendGrid's v3 Mail Send API.
 *
 * Request and errors: https://www.twilio.com/docs/sendgrid/api-reference/mail-send
 */
#ifndef SENDERS_SENDGRID_H
#define SENDERS_SENDGRID_H

#include "senders/provider.h"

extern const struct provider sendgrid;

#endif
