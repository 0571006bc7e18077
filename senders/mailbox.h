/*
 * mailbox.h - who an e-mail is from: an address and a name beside it.
 */
#ifndef SENDERS_MAILBOX_H
#define SENDERS_MAILBOX_H

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"
#include "schemas/config.h"

/* False, naming OUTBOUND_EMAIL_FROM, when it is not an address. */
MUST_CHECK bool mailbox_check_sender(const struct config *config, struct error *error);

/*
 * Appends the sender as the header "From" has it, in ASCII: `"Name" <address>` (RFC 5322, section 3.4), with
 * a name that is not printable ASCII as encoded words (RFC 2047). Without a name it is the address alone.
 */
void mailbox_append_sender(const struct config *config, struct buffer *buffer);

#endif
