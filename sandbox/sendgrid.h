/*
 * sendgrid.h - SendGrid's side of POST /v3/mail/send: what it demands of a request, how it says no.
 *
 * Fields and limits follow the OpenAPI definition (github.com/sendgrid/sendgrid-oai, mail_send.json) and the
 * reference page "Mail Send errors"; wording, field names and links follow answers of the real API that its
 * users have published. Members that the definition does not know are ignored: it does not forbid them, and
 * neither does the API.
 */
#ifndef SANDBOX_SENDGRID_H
#define SANDBOX_SENDGRID_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"

#define SENDGRID_ERRORS_MAX 32

struct sendgrid_error {
    const char *message;
    const char *field; /* e.g. "personalizations.0.to"; NULL: none */
    const char *help;  /* a URL; NULL: none */
};

/* The first SENDGRID_ERRORS_MAX; text lives in the arena. */
struct sendgrid_errors {
    struct arena *arena;
    size_t count;
    struct sendgrid_error items[SENDGRID_ERRORS_MAX];
};

/* Says what is wrong with the body of a request; `now_s` in Unix time. Pure. */
void sendgrid_check(const json_t *mail, int64_t now_s, struct sendgrid_errors *errors);

/* What is worth remembering of a body without errors; strings belong to it, NULL where it has none. */
struct sendgrid_mail {
    const char *to; /* the first recipient */
    const char *subject;
    const char *message_id; /* custom_args.message_id */
    const char *attempt;    /* custom_args.attempt */
    const json_t *content;  /* dynamic_template_data, else content */
    bool sandbox_mode;      /* to be checked only: answered 200, not sent */
};

struct sendgrid_mail sendgrid_read(const json_t *mail);

/* Appends the document that carries errors. */
void sendgrid_write_errors(const struct sendgrid_errors *errors, struct buffer *document);

/* The message in the document that goes with a status of 4xx or 5xx. */
const char *sendgrid_status_message(int status);

#endif
