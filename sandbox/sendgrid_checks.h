/*
 * sendgrid_checks.h - how the files with SendGrid's rules see each other.
 *
 *   sendgrid.c                    the body as a whole, and what stands in it once
 *   sendgrid_personalizations.c   who gets it; and the members that a personalization has like the whole
 *   sendgrid_fields.c             where a value stands, its type, addresses; how to refuse it
 */
#ifndef SANDBOX_SENDGRID_CHECKS_H
#define SANDBOX_SENDGRID_CHECKS_H

#include "base/attributes.h"
#include "sandbox/sendgrid.h"

#define SENDGRID_HELP "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#"

struct check {
    struct sendgrid_errors *errors;
    int64_t now_s;
};

/* Where a value stands, from the inside out; a NULL name is a place in an array. */
struct field {
    const struct field *above; /* NULL: the body */
    const char *name;
    size_t index;
};

/* Takes note of what is wrong there. The help is what belongs to the names of `field`. */
void field_refuse(struct check *check, const struct field *field, const char *format, ...) PRINTF_LIKE(3, 4);

/* For the few whose help does not follow from their place; NULL: none. */
void field_refuse_with_help(struct check *check, const struct field *field, const char *help,
                            const char *format, ...) PRINTF_LIKE(4, 5);

/* In JSON's words; a number is "integer" or "number". */
const char *field_type_name(const json_t *value);

/* `type` is one of "object", "array", "string", "integer", "boolean". Refuses a value of another. */
bool field_has_type(struct check *check, const struct field *field, const json_t *value, const char *type);

/* The member of `object` that `field` names, or NULL: it may be missing, but what is there has to have the
 * type. */
const json_t *field_optional(struct check *check, const json_t *object, const struct field *field,
                             const char *type);

/*
 * An object with `email` and perhaps `name`; `what` is its name in messages. Returns the address, or NULL
 * after it was refused.
 */
const char *field_address(struct check *check, const struct field *field, const json_t *value,
                          const char *what);

/* The same for the whole and for a personalization. `global` are the custom_args of the whole, or NULL. */
void check_headers(struct check *check, const json_t *object, const struct field *field);
void check_send_at(struct check *check, const json_t *object, const struct field *field);
void check_custom_args(struct check *check, const json_t *object, const struct field *field,
                       const json_t *global);

/* Returns whether there is one. */
bool check_subject(struct check *check, const json_t *object, const struct field *field);

/* Returns whether each of them has a subject. */
bool check_personalizations(struct check *check, const json_t *mail);

#endif
