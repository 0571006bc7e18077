/*
 * mime.h - writes a mail: RFC 5322 header, RFC 2047 encoded words, RFC 2045 and 2046 body.
 *
 * Whatever the texts hold, the mail is 7-bit ASCII with CRLF line ends, and no line is longer than the 998
 * bytes that every server takes.
 */
#ifndef SENDERS_SMTP_MIME_H
#define SENDERS_SMTP_MIME_H

#include <time.h>

#include "base/buffer.h"
#include "base/text.h"

/* Texts are UTF-8. At least one of `text` and `html` is there. */
struct mime_mail {
    const char *from;      /* an address in ASCII */
    const char *from_name; /* "": none */
    const char *to;
    const char *subject;    /* no control characters; "": none */
    const char *message_id; /* unique left part of the Message-ID; letters, digits, dots, hyphens */
    time_t date;
    struct text text; /* `bytes` NULL: none */
    struct text html;
};

void mime_write(const struct mime_mail *mail, struct buffer *ret_mail);

#endif
