/*
 * Where a value of a request stands, whether it is what it has to be, and how to say that it is not.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/sendgrid_checks.h"

#define ADDRESS_MAX 320
#define LOCAL_PART_MAX 64
#define PLACE_MAX 4096 /* no more of a field's name, or of its help */

static void write_place(const struct field *field, struct buffer *text)
{
    if (field->above) {
        write_place(field->above, text);
        buffer_text(text, ".");
    }
    if (field->name) {
        buffer_text(text, field->name);
    } else {
        buffer_format(text, "%zu", field->index);
    }
}

/* Help goes by the names alone, and an address has the help of what holds it. */
static void write_help(const struct field *field, struct buffer *text)
{
    if (field->above) {
        write_help(field->above, text);
    }
    if (field->name && strcmp(field->name, "email") != 0) {
        buffer_text(text, text->length > 0 ? "." : SENDGRID_HELP "message.");
        buffer_text(text, field->name);
    }
}

/* Into the arena; the buffer is released. */
static const char *keep(struct check *check, struct buffer *text)
{
    const char *kept = arena_copy(check->errors->arena, text->bytes ? text->bytes : "", text->length);
    buffer_release(text);
    return kept;
}

/* Text that was cut may end in a part of a character: that goes too. */
static void end_at_character(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] & 0xc0) == 0x80) {
        length--;
    }
    text[length > 0 && (text[length - 1] & 0x80) ? length - 1 : length] = '\0';
}

static void add(struct check *check, const struct field *field, const char *help, const char *format,
                va_list args)
{
    struct sendgrid_errors *errors = check->errors;
    if (errors->count == SENDGRID_ERRORS_MAX) {
        return;
    }
    char message[1024];
    if (vsnprintf(message, sizeof message, format, args) >= (int)sizeof message) {
        end_at_character(message);
    }
    struct buffer place;
    buffer_init(&place, PLACE_MAX);
    write_place(field, &place);
    errors->items[errors->count++] =
        (struct sendgrid_error){arena_strdup(errors->arena, message), keep(check, &place), help};
}

void field_refuse(struct check *check, const struct field *field, const char *format, ...)
{
    struct buffer help;
    buffer_init(&help, PLACE_MAX);
    write_help(field, &help);
    va_list args;
    va_start(args, format);
    add(check, field, keep(check, &help), format, args);
    va_end(args);
}

void field_refuse_with_help(struct check *check, const struct field *field, const char *help,
                            const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(check, field, help, format, args);
    va_end(args);
}

const char *field_type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_REAL:
        return "number";
    case JSON_NULL:
        return "null";
    default:
        return "boolean";
    }
}

bool field_has_type(struct check *check, const struct field *field, const json_t *value, const char *type)
{
    const char *given = field_type_name(value);
    if (strcmp(given, type) == 0) {
        return true;
    }
    field_refuse(check, field, "Invalid type. Expected: %s, given: %s.", type, given);
    return false;
}

const json_t *field_optional(struct check *check, const json_t *object, const struct field *field,
                             const char *type)
{
    const json_t *value = json_object_get(object, field->name);
    return value && field_has_type(check, field, value, type) ? value : NULL;
}

static bool is_label_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte == '-' || (byte & 0x80);
}

static bool is_domain(const char *text)
{
    bool dotted = false;
    const char *label = text;
    for (const char *at = text;; at++) {
        if (is_label_byte(*at)) {
            continue;
        }
        if ((*at != '.' && *at != '\0') || at == label || *label == '-' || at[-1] == '-') {
            return false;
        }
        if (*at == '\0') {
            return dotted;
        }
        dotted = true;
        label = at + 1;
    }
}

static bool is_address(const char *text)
{
    const char *at = strrchr(text, '@');
    if (!at || at == text || at - text > LOCAL_PART_MAX || *text == '.' || at[-1] == '.') {
        return false;
    }
    for (const char *byte = text; byte < at; byte++) {
        if (*byte <= ' ' || *byte == 0x7f || strchr("\"(),:;<>@[\\]", *byte) ||
            (*byte == '.' && byte[1] == '.')) {
            return false; /* `char` is signed: what is not ASCII is refused as well */
        }
    }
    return is_domain(at + 1);
}

const char *field_address(struct check *check, const struct field *field, const json_t *value,
                          const char *what)
{
    if (!field_has_type(check, field, value, "object")) {
        return NULL;
    }
    const struct field email_field = {field, "email", 0};
    const struct field name_field = {field, "name", 0};
    (void)field_optional(check, value, &name_field, "string");
    const json_t *email = json_object_get(value, "email");
    if (!email) {
        field_refuse(check, &email_field, "The %s email parameter is required.", what);
        return NULL;
    }
    if (!field_has_type(check, &email_field, email, "string")) {
        return NULL;
    }
    if (json_string_length(email) > ADDRESS_MAX) {
        field_refuse(check, &email_field, "The %s email exceeds the maximum total length of 320 characters.",
                     what);
        return NULL;
    }
    if (!is_address(json_string_value(email))) {
        if (field->above) {
            field_refuse(check, &email_field, "Does not contain a valid address.");
        } else {
            field_refuse(check, &email_field, "The %s email does not contain a valid address.", what);
        }
        return NULL;
    }
    return json_string_value(email);
}
