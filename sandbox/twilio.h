/*
 * twilio.h - Twilio's side of CreateMessage: what it demands of a request, how it says no.
 *
 * Fields follow the OpenAPI definition (github.com/twilio/twilio-oai, twilio_api_v2010.json); codes and
 * wording the page on errors and answers that users of the API have published; the phone numbers that always
 * fail are those of https://www.twilio.com/docs/iam/test-credentials.
 */
#ifndef SANDBOX_TWILIO_H
#define SANDBOX_TWILIO_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "sandbox/form.h"

struct twilio_error {
    int status;
    int code;
    const char *message;
};

/* False: what is wrong with the form. The message lives in the arena. Pure. */
bool twilio_check(const struct form *form, struct arena *arena, struct twilio_error *ret_error);

/* What Twilio says with a status of 4xx or 5xx. */
struct twilio_error twilio_status_error(int status);

/* Appends the document that carries an error. */
void twilio_write_error(const struct twilio_error *error, struct buffer *document);

/* "SM" and 32 hexadecimal digits. */
#define TWILIO_SID_SIZE 35

struct twilio_message {
    const char *account_sid;
    const struct form *form;
    char sid[TWILIO_SID_SIZE];
};

/* Appends the Message resource, as it is just after it was made. */
void twilio_write_message(const struct twilio_message *message, int64_t now_s, struct buffer *document);

#endif
