/*
 * message_request.h - the JSON body of POST …/messages as a message.
 */
#ifndef PRODUCER_MESSAGE_REQUEST_H
#define PRODUCER_MESSAGE_REQUEST_H

#include <stddef.h>

#include "base/arena.h"
#include "schemas/new_message.h"
#include "schemas/payload.h"
#include "schemas/violations.h"

#define MESSAGE_BODY_MAX ((size_t)256 * 1024)
#define MESSAGE_DEPTH_MAX (PAYLOAD_DEPTH_MAX + 1)

/*
 * Fills what the body gives; headers (organisation, correlation id, idempotency key) are the caller's to set
 * before. Adds what is wrong with the body's form to `violations`; the rules for its content are
 * new_message_check()'s. Texts point into `body` or the arena.
 */
void message_request_parse(const char *body, size_t length, struct arena *arena, struct new_message *message,
                           struct violations *violations);

#endif
