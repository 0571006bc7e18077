/*
 * whatsapp.h - the Cloud API's side of POST /{version}/{phone-number-id}/messages: what it demands of a
 * request, how it says no.
 *
 * Members follow the reference (developers.facebook.com/docs/whatsapp/cloud-api/reference/messages), codes
 * its page on errors, wording answers that users of the API have published. Text and template messages only.
 */
#ifndef SANDBOX_WHATSAPP_H
#define SANDBOX_WHATSAPP_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buffer.h"

struct whatsapp_error {
    int status;
    int code;
    const char *message;
    const char *details; /* NULL: none */
};

/* False: what is wrong with the body, which may be NULL. Its text lives in the arena. Pure. */
bool whatsapp_check(const json_t *body, struct arena *arena, struct whatsapp_error *ret_error);

/* What the API says with a status of 4xx or 5xx. */
struct whatsapp_error whatsapp_status_error(int status);

/* Appends the document that carries an error. */
void whatsapp_write_error(const struct whatsapp_error *error, struct buffer *document);

/* "wamid." and 32 random bytes in Base64 */
#define WHATSAPP_ID_SIZE 64

void whatsapp_new_id(char ret_id[WHATSAPP_ID_SIZE]);

/* Appends the answer to a body that was accepted. */
void whatsapp_write_accepted(const json_t *body, const char *id, struct buffer *document);

#endif
