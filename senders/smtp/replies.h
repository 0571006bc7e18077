/*
 * replies.h - what an SMTP server's reply means.
 *
 * Reply codes: RFC 5321, 4.2.3; 1870, 4954 and 7504. Enhanced status codes: RFC 3463 and IANA's registry.
 */
#ifndef SENDERS_SMTP_REPLIES_H
#define SENDERS_SMTP_REPLIES_H

#include "schemas/errors.h"

/*
 * `text` is the reply's text, which may begin with an enhanced status code ("5.1.1 no such user"): it says
 * more than the reply code, and is believed where both are of the same class. ERROR_NONE for 2xx. What no row
 * knows: 4xx can be retried, 5xx cannot, others are ERROR_UNREADABLE_RESPONSE.
 */
enum error_code smtp_reply_judge(int code, const char *text);

/* The text behind its enhanced status code, if it has one. */
const char *smtp_reply_words(int code, const char *text);

#endif
