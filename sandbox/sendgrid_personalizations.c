/*
 * What SendGrid demands of each personalization, which is an envelope: who gets the message, and with what.
 */
#include <string.h>
#include <strings.h>

#include "sandbox/sendgrid_checks.h"

#define PERSONALIZATIONS_MAX 1000
#define RECIPIENTS_MAX 1000   /* to, cc and bcc of a request together */
#define CUSTOM_ARGS_MAX 10000 /* bytes */
#define SCHEDULE_MAX_S ((int64_t)72 * 3600)

/* Those of one personalization, for the duplicates among them. */
struct recipients {
    const char *addresses[RECIPIENTS_MAX];
    size_t count;
    bool has_duplicate;
};

static void note_recipient(struct check *check, const struct field *personalization, const char *kind,
                           struct recipients *recipients, const char *address)
{
    for (size_t i = 0; i < recipients->count && !recipients->has_duplicate; i++) {
        if (strcasecmp(recipients->addresses[i], address) == 0) {
            recipients->has_duplicate = true;
            field_refuse_with_help(
                check, personalization, SENDGRID_HELP "message.recipient-errors",
                "Each email address in the personalization block should be unique between to, cc, and bcc. "
                "We "
                "found the first duplicate instance of [%s] in the personalizations.%zu.%s field.",
                address, personalization->index, kind);
        }
    }
    if (recipients->count < RECIPIENTS_MAX) {
        recipients->addresses[recipients->count++] = address;
    }
}

/* Returns how many there are. */
static size_t check_recipients(struct check *check, const struct field *personalization, const json_t *value,
                               const char *kind, struct recipients *recipients)
{
    const struct field field = {personalization, kind, 0};
    const json_t *list = json_object_get(value, kind);
    if (!list || json_is_null(list) || !field_has_type(check, &field, list, "array")) {
        return 0;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct field item = {&field, NULL, i};
        const char *address = field_address(check, &item, json_array_get(list, i), kind);
        if (address) {
            note_recipient(check, personalization, kind, recipients, address);
        }
    }
    return json_array_size(list);
}

static void check_to_is_there(struct check *check, const struct field *personalization, const json_t *value)
{
    const json_t *to = json_object_get(value, "to");
    if (!to || json_is_null(to) || (json_is_array(to) && json_array_size(to) == 0)) {
        const struct field field = {personalization, "to", 0};
        field_refuse(check, &field,
                     "The to array is required for all personalization objects, and must have at least "
                     "one email object with a valid email address.");
    }
}

/* The bytes of {"name":"value",…}. */
static size_t custom_args_size(const json_t *global, const json_t *own)
{
    size_t size = 2;
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)own, name, value) {
        size += strlen(name) + json_string_length(value) + strlen("\"\":\"\",");
    }
    json_object_foreach ((json_t *)(uintptr_t)global, name, value) {
        if (!json_object_get(own, name)) {
            size += strlen(name) + json_string_length(value) + strlen("\"\":\"\",");
        }
    }
    return size;
}

static bool all_strings(const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
        if (!json_is_string(value)) {
            return false;
        }
    }
    return true;
}

void check_custom_args(struct check *check, const json_t *object, const struct field *field,
                       const json_t *global)
{
    const json_t *args = field_optional(check, object, field, "object");
    if (!args) {
        return;
    }
    if (json_object_size(args) == 0) {
        field_refuse(check, field, "custom_args cannot be empty.");
    }
    if (!all_strings(args)) {
        field_refuse(check, field, "All values of custom arguments object must be strings");
    } else if (custom_args_size(global, args) > CUSTOM_ARGS_MAX) {
        field_refuse(check, field,
                     "The combined size of both global and personalization custom arguments may not exceed "
                     "10,000 bytes per personalization.");
    }
}

static bool is_reserved_header(const char *name)
{
    static const char *const reserved[] = {
        "x-sg-id", "x-sg-eid", "received", "dkim-signature", "Content-Type", "Content-Transfer-Encoding",
        "To",      "From",     "Subject",  "Reply-To",       "CC",           "BCC"};
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        if (strcasecmp(name, reserved[i]) == 0) {
            return true;
        }
    }
    return false;
}

void check_headers(struct check *check, const json_t *object, const struct field *field)
{
    const json_t *headers = field_optional(check, object, field, "object");
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)headers, name, value) {
        if (!json_is_string(value)) {
            field_refuse(check, field, "The header values must be strings.");
        }
        if (is_reserved_header(name)) {
            field_refuse(check, field, "Header can not be one of the reserved keys.");
        }
        for (const char *byte = name; *byte; byte++) {
            if (*byte <= ' ' || *byte > '~') {
                field_refuse(check, field,
                             "Header keys cannot contain non-ASCII characters and empty spaces.");
                break;
            }
        }
    }
}

void check_send_at(struct check *check, const json_t *object, const struct field *field)
{
    const json_t *send_at = json_object_get(object, "send_at");
    if (send_at && !json_is_integer(send_at)) {
        field_refuse(check, field,
                     "The send_at parameter is expecting a Unix timestamp as an integer. We will send "
                     "immediately if you include a send_at timestamp that is in the past.");
    } else if (json_integer_value(send_at) > check->now_s + SCHEDULE_MAX_S) {
        field_refuse(check, field, "Scheduling more than 72 hours in advance is forbidden.");
    }
}

bool check_subject(struct check *check, const json_t *object, const struct field *field)
{
    const json_t *subject = json_object_get(object, "subject");
    if (subject && field_has_type(check, field, subject, "string") && json_string_length(subject) == 0) {
        field_refuse(check, field,
                     "The subject of your email must be a string at least one character in length.");
    }
    return subject != NULL;
}

/* Returns whether it has a subject of its own; adds its recipients to *recipient_count. */
static bool check_personalization(struct check *check, const struct field *field, const json_t *value,
                                  const json_t *global_args, size_t *recipient_count)
{
    if (!json_is_object(value)) {
        field_refuse_with_help(check, field, NULL, "Invalid type. Expected: object, given: %s.",
                               field_type_name(value));
        return false;
    }
    struct recipients recipients;
    recipients.count = 0; /* the rest of it, 8 KB, is not worth the clearing */
    recipients.has_duplicate = false;
    check_to_is_there(check, field, value);
    *recipient_count += check_recipients(check, field, value, "to", &recipients);
    *recipient_count += check_recipients(check, field, value, "cc", &recipients);
    *recipient_count += check_recipients(check, field, value, "bcc", &recipients);

    const struct field from = {field, "from", 0};
    const json_t *own_from = json_object_get(value, "from");
    if (own_from) {
        (void)field_address(check, &from, own_from, "from");
    }
    check_headers(check, value, &(struct field){field, "headers", 0});
    check_custom_args(check, value, &(struct field){field, "custom_args", 0}, global_args);
    check_send_at(check, value, &(struct field){field, "send_at", 0});
    (void)field_optional(check, value, &(struct field){field, "dynamic_template_data", 0}, "object");
    const struct field substitutions_field = {field, "substitutions", 0};
    const json_t *substitutions = field_optional(check, value, &substitutions_field, "object");
    if (!all_strings(substitutions)) {
        field_refuse(check, &substitutions_field,
                     "The substitution values must be an object of key/value pairs, where "
                     "the values are all strings.");
    }
    return check_subject(check, value, &(struct field){field, "subject", 0});
}

bool check_personalizations(struct check *check, const json_t *mail)
{
    const struct field field = {NULL, "personalizations", 0};
    const json_t *list = json_object_get(mail, field.name);
    if (list && !json_is_null(list) && !field_has_type(check, &field, list, "array")) {
        return false;
    }
    const size_t count = json_array_size(list);
    if (count == 0) {
        field_refuse_with_help(
            check, &field, SENDGRID_HELP "-Personalizations-Errors",
            "The personalizations field is required and must have at least one personalization.");
        return false;
    }
    if (count > PERSONALIZATIONS_MAX) {
        field_refuse(check, &field,
                     "The personalization block is limited to 1000 personalizations per API request. You "
                     "have provided %zu personalizations. Please consider splitting this into multiple "
                     "requests and resending your request.",
                     count);
        return false;
    }
    const json_t *global_args = json_object_get(mail, "custom_args");
    size_t recipient_count = 0;
    bool all_have_subject = true;
    for (size_t i = 0; i < count; i++) {
        const struct field item = {&field, NULL, i};
        all_have_subject &=
            check_personalization(check, &item, json_array_get(list, i), global_args, &recipient_count);
    }
    if (recipient_count > RECIPIENTS_MAX) {
        field_refuse(check, &field, "There is a limit of 1000 total recipients (to + cc + bcc) per request.");
    }
    return all_have_subject;
}
