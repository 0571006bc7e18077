/*
 * form.h - the fields of an application/x-www-form-urlencoded body.
 */
#ifndef SANDBOX_FORM_H
#define SANDBOX_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"

#define FORM_FIELDS_MAX 64

struct form {
    size_t count;
    struct {
        const char *name;
        const char *value;
    } fields[FORM_FIELDS_MAX];
};

/* Text is decoded into the arena. False: too many fields, or one that is no text (UTF-8 without NUL). */
MUST_CHECK bool form_parse(const char *body, size_t length, struct arena *arena, struct form *ret_form);

/* NULL when the form has no such field, or an empty one. */
const char *form_value(const struct form *form, const char *name);

#endif
