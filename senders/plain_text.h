/*
 * plain_text.h - the text of a message that no template makes: `text` of its payloadJson.
 */
#ifndef SENDERS_PLAIN_TEXT_H
#define SENDERS_PLAIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "senders/message.h"
#include "senders/verdict.h"

/*
 * Appends the text. False, and why in *ret_verdict, when there is none or it has more characters (Unicode
 * code points) than the provider takes.
 */
bool plain_text_find(const struct message *message, size_t characters_max, struct buffer *ret_text,
                     struct verdict *ret_verdict);

#endif
