/*
 * smtp.h - e-mail by any SMTP server: a relay of one's own, or a provider's submission host (RFC 5321, 6409).
 *
 * There are no templates: `text` and `html` of payloadJson are the mail.
 */
#ifndef SENDERS_SMTP_H
#define SENDERS_SMTP_H

#include "senders/provider.h"

extern const struct provider smtp;

#endif
