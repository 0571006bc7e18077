/*
 * smtp_reply.h - a reply of an SMTP server (RFC 5321, section 4.2): "250-first\r\n250 last\r\n".
 */
#ifndef BASE_SMTP_REPLY_H
#define BASE_SMTP_REPLY_H

#include "base/buffer.h"

#define SMTP_REPLY_INCOMPLETE 0
#define SMTP_REPLY_MALFORMED (-1)

/*
 * Takes the first whole reply off `received` and returns its code, 200 to 599; `ret_text` gets the texts of
 * its lines, separated by spaces. SMTP_REPLY_INCOMPLETE: more has to arrive. SMTP_REPLY_MALFORMED: this is no
 * reply, and what follows cannot be trusted either. Lines may end with a bare LF.
 */
int smtp_reply_take(struct buffer *received, struct buffer *ret_text);

#endif
