/*
 * payload_text.h - what a message says in words of its own: `text` and `html` of its payloadJson.
 */
#ifndef SENDERS_PAYLOAD_TEXT_H
#define SENDERS_PAYLOAD_TEXT_H

#include <stdbool.h>

#include "base/buffer.h"

/*
 * Appends the string that the payload, JSON text of an object, has as its member `name`: UTF-8, which may
 * contain NUL and is never longer than the payload. False, with nothing appended, when there is none, it is
 * empty, or not a string.
 */
bool payload_text(const char *payload, const char *name, struct buffer *ret_text);

#endif
