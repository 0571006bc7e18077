/*
 * header_words.h - texts in the header of a mail.
 */
#ifndef SENDERS_HEADER_WORDS_H
#define SENDERS_HEADER_WORDS_H

#include "base/buffer.h"

#define HEADER_WORD_BYTES_MAX \
    45 /* a word has 75 characters at most (RFC 2047, section 2): 12 around 60 of Base64 */

/*
 * Appends UTF-8 text as encoded words (RFC 2047) of at most `word_bytes` bytes each, which cut no character
 * in two. `separator` is white space; between two words it is not a part of the text.
 */
void header_words_encode(struct buffer *buffer, const char *text, size_t word_bytes, const char *separator);

/* Appends printable ASCII as a quoted string (RFC 5322, section 3.2.4). */
void header_words_quote(struct buffer *buffer, const char *text);

#endif
