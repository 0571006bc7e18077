#include "sandbox/sendgrid.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/uuid.h"

#define PERSONALIZATIONS_MAX 1000
#define RECIPIENTS_MAX 1000 /* to, cc and bcc of a request together */
#define REPLY_TO_MAX 1000
#define ADDRESS_MAX 320
#define CUSTOM_ARGS_MAX 10000 /* bytes */
#define CATEGORIES_MAX 10
#define CATEGORY_MAX 255 /* characters */
#define SCHEDULE_MAX_S ((int64_t)72 * 3600)
#define GROUPS_MAX 25

#define HELP "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#"
#define HELP_MAX 200

/* Where a value stands, from the inside out; a NULL name is a place in an array. */
struct path {
    const struct path *above; /* NULL: the body */
    const char *name;
    size_t index;
};

struct check {
    struct sendgrid_errors *errors;
    int64_t now_s;
};

static void write_path(const struct path *path, struct buffer *text)
{
    if (path->above) {
        write_path(path->above, text);
        buffer_text(text, ".");
    }
    if (path->name) {
        buffer_text(text, path->name);
    } else {
        buffer_format(text, "%zu", path->index);
    }
}

/* Help goes by the names alone, and an address has the help of what holds it. */
static void write_help(const struct path *path, struct buffer *text)
{
    if (path->above) {
        write_help(path->above, text);
    }
    if (path->name && strcmp(path->name, "email") != 0) {
        buffer_text(text, text->length > 0 ? "." : HELP "message.");
        buffer_text(text, path->name);
    }
}

static char *keep(struct check *check, struct buffer *text)
{
    char *kept = arena_copy(check->errors->arena, text->bytes ? text->bytes : "", text->length);
    buffer_release(text);
    return kept;
}

static void add(struct check *check, const struct path *path, const char *help, const char *format,
                va_list args)
{
    struct sendgrid_errors *errors = check->errors;
    if (errors->count == SENDGRID_ERRORS_MAX) {
        return;
    }
    char message[1024];
    (void)vsnprintf(message, sizeof message, format, args);
    struct buffer field;
    buffer_init(&field, 4096);
    write_path(path, &field);
    errors->items[errors->count++] =
        (struct sendgrid_error){arena_strdup(errors->arena, message), keep(check, &field), help};
}

static void refuse(struct check *check, const struct path *path, const char *format, ...) PRINTF_LIKE(3, 4);
static void refuse(struct check *check, const struct path *path, const char *format, ...)
{
    struct buffer help;
    buffer_init(&help, 4096);
    write_help(path, &help);
    va_list args;
    va_start(args, format);
    add(check, path, keep(check, &help), format, args);
    va_end(args);
}

/* For the few whose help is not found by their place. */
static void refuse_with_help(struct check *check, const struct path *path, const char *help,
                             const char *format, ...) PRINTF_LIKE(4, 5);
static void refuse_with_help(struct check *check, const struct path *path, const char *help,
                             const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(check, path, help, format, args);
    va_end(args);
}

static const char *type_name(const json_t *value)
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

static bool has_type(struct check *check, const struct path *path, const json_t *value, const char *type)
{
    const char *given = type_name(value);
    if (strcmp(given, type) == 0) {
        return true;
    }
    const bool is_personalization = path->above && !path->above->above && !path->name;
    if (is_personalization) {
        refuse_with_help(check, path, NULL, "Invalid type. Expected: %s, given: %s.", type, given);
    } else {
        refuse(check, path, "Invalid type. Expected: %s, given: %s.", type, given);
    }
    return false;
}

/* A member that may be missing; what is there has to have the type. */
static const json_t *optional(struct check *check, const json_t *object, const struct path *path,
                              const char *type)
{
    const json_t *value = json_object_get(object, path->name);
    return value && has_type(check, path, value, type) ? value : NULL;
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
    if (!at || at == text || at - text > 64 || *text == '.' || at[-1] == '.') {
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

/* An object with `email`, perhaps `name`. `what` is as messages call it. Returns the address if it is one. */
static const char *check_address(struct check *check, const struct path *path, const json_t *value,
                                 const char *what)
{
    if (!has_type(check, path, value, "object")) {
        return NULL;
    }
    const struct path email_path = {path, "email", 0};
    const struct path name_path = {path, "name", 0};
    (void)optional(check, value, &name_path, "string");
    const json_t *email = json_object_get(value, "email");
    if (!email) {
        refuse(check, &email_path, "The %s email parameter is required.", what);
        return NULL;
    }
    if (!has_type(check, &email_path, email, "string")) {
        return NULL;
    }
    if (json_string_length(email) > ADDRESS_MAX) {
        refuse(check, &email_path, "The %s email exceeds the maximum total length of 320 characters.", what);
        return NULL;
    }
    if (!is_address(json_string_value(email))) {
        if (path->above) {
            refuse(check, &email_path, "Does not contain a valid address.");
        } else {
            refuse(check, &email_path, "The %s email does not contain a valid address.", what);
        }
        return NULL;
    }
    return json_string_value(email);
}

/* Those of one personalization, for the duplicates among them. */
struct recipients {
    const char *addresses[RECIPIENTS_MAX];
    size_t count;
    bool has_duplicate;
};

static void note_recipient(struct check *check, const struct path *personalization, const char *kind,
                           struct recipients *recipients, const char *address)
{
    for (size_t i = 0; i < recipients->count && !recipients->has_duplicate; i++) {
        if (strcasecmp(recipients->addresses[i], address) == 0) {
            recipients->has_duplicate = true;
            refuse_with_help(check, personalization, HELP "message.recipient-errors",
                             "Each email address in the personalization block should be unique between to, cc, "
                             "and bcc. We found the first duplicate instance of [%s] in the "
                             "personalizations.%zu.%s field.",
                             address, personalization->index, kind);
        }
    }
    if (recipients->count < RECIPIENTS_MAX) {
        recipients->addresses[recipients->count++] = address;
    }
}

static void check_recipients(struct check *check, const struct path *personalization, const json_t *value,
                             const char *kind, struct recipients *recipients)
{
    const struct path path = {personalization, kind, 0};
    const json_t *list = optional(check, value, &path, "array");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct path item = {&path, NULL, i};
        const char *address = check_address(check, &item, json_array_get(list, i), kind);
        if (address) {
            note_recipient(check, personalization, kind, recipients, address);
        }
    }
}

static void check_to_is_there(struct check *check, const struct path *personalization, const json_t *value)
{
    const json_t *to = json_object_get(value, "to");
    if (!to || json_is_null(to) || (json_is_array(to) && json_array_size(to) == 0)) {
        const struct path path = {personalization, "to", 0};
        refuse(check, &path, "The to array is required for all personalization objects, and must have at least "
                             "one email object with a valid email address.");
    }
}

/* The bytes of {"name":"value",…}. */
static size_t custom_args_size(const json_t *global, const json_t *own)
{
    size_t size = 2;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)own, name, value) {
        size += strlen(name) + json_string_length(value) + strlen("\"\":\"\",");
    }
    json_object_foreach((json_t *)(uintptr_t)global, name, value) {
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
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        if (!json_is_string(value)) {
            return false;
        }
    }
    return true;
}

/* `global` are those of the whole message, which a personalization's are merged into; NULL for themselves. */
static void check_custom_args(struct check *check, const json_t *object, const struct path *path,
                              const json_t *global)
{
    const json_t *args = optional(check, object, path, "object");
    if (!args) {
        return;
    }
    if (json_object_size(args) == 0) {
        refuse(check, path, "custom_args cannot be empty.");
    }
    if (!all_strings(args)) {
        refuse(check, path, "All values of custom arguments object must be strings");
    } else if (custom_args_size(global, args) > CUSTOM_ARGS_MAX) {
        refuse(check, path, "The combined size of both global and personalization custom arguments may not exceed "
                            "10,000 bytes per personalization.");
    }
}

static bool is_reserved_header(const char *name)
{
    static const char *const reserved[] = {"x-sg-id", "x-sg-eid", "received", "dkim-signature",
                                           "Content-Type", "Content-Transfer-Encoding", "To", "From",
                                           "Subject", "Reply-To", "CC", "BCC"};
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        if (strcasecmp(name, reserved[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void check_headers(struct check *check, const json_t *object, const struct path *path)
{
    const json_t *headers = optional(check, object, path, "object");
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)headers, name, value) {
        if (!json_is_string(value)) {
            refuse(check, path, "The header values must be strings.");
        }
        if (is_reserved_header(name)) {
            refuse(check, path, "Header can not be one of the reserved keys.");
        }
        for (const char *byte = name; *byte; byte++) {
            if (*byte <= ' ' || *byte > '~') {
                refuse(check, path, "Header keys cannot contain non-ASCII characters and empty spaces.");
                break;
            }
        }
    }
}

static void check_send_at(struct check *check, const json_t *object, const struct path *path)
{
    const json_t *send_at = json_object_get(object, "send_at");
    if (send_at && !json_is_integer(send_at)) {
        refuse(check, path, "The send_at parameter is expecting a Unix timestamp as an integer. We will send "
                            "immediately if you include a send_at timestamp that is in the past.");
    } else if (json_integer_value(send_at) > check->now_s + SCHEDULE_MAX_S) {
        refuse(check, path, "Scheduling more than 72 hours in advance is forbidden.");
    }
}

/* Whether there is one; then it has to be right. */
static bool check_subject(struct check *check, const json_t *object, const struct path *path)
{
    const json_t *subject = json_object_get(object, "subject");
    if (subject && has_type(check, path, subject, "string") && json_string_length(subject) == 0) {
        refuse(check, path, "The subject of your email must be a string at least one character in length.");
    }
    return subject != NULL;
}

/* Returns whether it has a subject of its own; adds its recipients to *recipient_count. */
static bool check_personalization(struct check *check, const struct path *path, const json_t *value,
                                  const json_t *global_args, size_t *recipient_count)
{
    if (!has_type(check, path, value, "object")) {
        return false;
    }
    struct recipients recipients;
    recipients.count = 0;
    recipients.has_duplicate = false;
    check_to_is_there(check, path, value);
    check_recipients(check, path, value, "to", &recipients);
    check_recipients(check, path, value, "cc", &recipients);
    check_recipients(check, path, value, "bcc", &recipients);
    *recipient_count += recipients.count;

    const struct path from = {path, "from", 0};
    const json_t *own_from = json_object_get(value, "from");
    if (own_from) {
        (void)check_address(check, &from, own_from, "from");
    }
    check_headers(check, value, &(struct path){path, "headers", 0});
    check_custom_args(check, value, &(struct path){path, "custom_args", 0}, global_args);
    check_send_at(check, value, &(struct path){path, "send_at", 0});
    (void)optional(check, value, &(struct path){path, "dynamic_template_data", 0}, "object");
    const struct path substitutions_path = {path, "substitutions", 0};
    const json_t *substitutions = optional(check, value, &substitutions_path, "object");
    if (!all_strings(substitutions)) {
        refuse(check, &substitutions_path, "The substitution values must be an object of key/value pairs, where "
                                           "the values are all strings.");
    }
    return check_subject(check, value, &(struct path){path, "subject", 0});
}

/* Returns whether each of them has a subject. */
static bool check_personalizations(struct check *check, const json_t *mail)
{
    const struct path path = {NULL, "personalizations", 0};
    const json_t *list = json_object_get(mail, path.name);
    if (list && !json_is_null(list) && !has_type(check, &path, list, "array")) {
        return false;
    }
    const size_t count = json_array_size(list);
    if (count == 0) {
        refuse_with_help(check, &path, HELP "-Personalizations-Errors",
                         "The personalizations field is required and must have at least one personalization.");
        return false;
    }
    if (count > PERSONALIZATIONS_MAX) {
        refuse(check, &path, "The personalization block is limited to 1000 personalizations per API request. You "
                             "have provided %zu personalizations. Please consider splitting this into multiple "
                             "requests and resending your request.",
               count);
        return false;
    }
    const json_t *global_args = json_object_get(mail, "custom_args");
    size_t recipient_count = 0;
    bool all_have_subject = true;
    for (size_t i = 0; i < count; i++) {
        const struct path item = {&path, NULL, i};
        all_have_subject &=
            check_personalization(check, &item, json_array_get(list, i), global_args, &recipient_count);
    }
    if (recipient_count > RECIPIENTS_MAX) {
        refuse(check, &path, "There is a limit of 1000 total recipients (to + cc + bcc) per request.");
    }
    return all_have_subject;
}

static void check_from(struct check *check, const json_t *mail)
{
    const struct path path = {NULL, "from", 0};
    const json_t *from = json_object_get(mail, "from");
    const bool is_empty = json_is_object(from) && !json_object_get(from, "email");
    if (!from || json_is_null(from) || is_empty) {
        refuse(check, &(struct path){&path, "email", 0},
               "The from object must be provided for every email send. It is an object that requires the email "
               "parameter, but may also contain a name parameter.  e.g. {\"email\" : \"example@example.com\"}  or "
               "{\"email\" : \"example@example.com\", \"name\" : \"Example Recipient\"}.");
    } else {
        (void)check_address(check, &path, from, "from");
    }
}

static void check_reply_to(struct check *check, const json_t *mail)
{
    const struct path path = {NULL, "reply_to", 0};
    const struct path list_path = {NULL, "reply_to_list", 0};
    const json_t *reply_to = json_object_get(mail, "reply_to");
    const json_t *list = optional(check, mail, &list_path, "array");
    if (reply_to) {
        (void)check_address(check, &path, reply_to, "reply_to");
    }
    if (reply_to && list) {
        refuse(check, &path, "reply_to is mutually exclusive with reply_to_list.");
    }
    if (json_array_size(list) > REPLY_TO_MAX) {
        refuse(check, &list_path, "There is a limit of %d reply_to emails per mail/send request.", REPLY_TO_MAX);
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct path item = {&list_path, NULL, i};
        (void)check_address(check, &item, json_array_get(list, i), "reply_to_list");
    }
}

static bool is_hex(const char *text, size_t length)
{
    return strspn(text, "0123456789abcdefABCDEF") == length && text[length] == '\0';
}

/* A dynamic template is d- and 32 hex digits, an older one a GUID. */
static bool is_template_id(const char *text)
{
    struct uuid ignored;
    return strncmp(text, "d-", 2) == 0 ? is_hex(text + 2, 32) : uuid_parse(text, strlen(text), &ignored);
}

/* Returns whether a valid one is there. */
static bool check_template_id(struct check *check, const json_t *mail)
{
    const struct path path = {NULL, "template_id", 0};
    const json_t *id = optional(check, mail, &path, "string");
    if (id && !is_template_id(json_string_value(id))) {
        refuse(check, &path, "The template_id must be a valid GUID, you provided '%s'.", json_string_value(id));
        return false;
    }
    return id != NULL;
}

static void check_content_type(struct check *check, const struct path *path, const json_t *type)
{
    if (!type) {
        refuse(check, path, "A content type is required, this tells email clients how to display the email.");
    } else if (has_type(check, path, type, "string")) {
        if (json_string_length(type) == 0) {
            refuse(check, path, "Your content type must be a string with length of at least one character.");
        } else if (strpbrk(json_string_value(type), ";,\r\n")) {
            refuse(check, path, "Cannot contain ';', or CRLF characters.");
        }
    }
}

static void check_content_value(struct check *check, const struct path *path, const json_t *value)
{
    if (!value) {
        refuse(check, path, "A content value is required, this is the content of the email you are sending.");
    } else if (has_type(check, path, value, "string") && json_string_length(value) == 0) {
        refuse(check, path, "The content value must be a string at least one character in length.");
    }
}

/* RFC 1341, section 7.2, as SendGrid reads it. */
static int content_rank(const json_t *block)
{
    const char *type = json_string_value(json_object_get(block, "type"));
    if (!type) {
        return 0;
    }
    return strcasecmp(type, "text/plain") == 0 ? 1 : strcasecmp(type, "text/html") == 0 ? 2 : 3;
}

static void check_content(struct check *check, const json_t *mail, bool has_template)
{
    const struct path path = {NULL, "content", 0};
    const json_t *content = json_object_get(mail, "content");
    if (content && !json_is_null(content) && !has_type(check, &path, content, "array")) {
        return;
    }
    if (json_array_size(content) == 0 && !has_template) {
        refuse(check, &path, "Unless a valid template_id is provided, the content parameter is required. There must "
                             "be at least one defined content block. We typically suggest both text/plain and "
                             "text/html blocks are included, but only one block is required.");
    }
    int rank = 0;
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *block = json_array_get(content, i);
        const struct path item = {&path, NULL, i};
        if (!has_type(check, &item, block, "object")) {
            continue;
        }
        check_content_type(check, &(struct path){&item, "type", 0}, json_object_get(block, "type"));
        check_content_value(check, &(struct path){&item, "value", 0}, json_object_get(block, "value"));
        if (content_rank(block) < rank) {
            refuse(check, &path, "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent "
                                 "in your email: text/plain needs to be first, followed by text/html, followed by "
                                 "any other content.");
        }
        rank = content_rank(block);
    }
}

static void check_attachments(struct check *check, const json_t *mail)
{
    const struct path path = {NULL, "attachments", 0};
    const json_t *list = optional(check, mail, &path, "array");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *attachment = json_array_get(list, i);
        const struct path item = {&path, NULL, i};
        if (!has_type(check, &item, attachment, "object")) {
            continue;
        }
        const struct path content = {&item, "content", 0};
        const struct path filename = {&item, "filename", 0};
        const struct path disposition = {&item, "disposition", 0};
        if (json_string_length(json_object_get(attachment, "content")) == 0) {
            refuse(check, &content, "The attachment content must be a string at least one character in length.");
        }
        if (!json_object_get(attachment, "filename")) {
            refuse(check, &filename, "filename is required.");
        }
        (void)optional(check, attachment, &filename, "string");
        const char *how = json_string_value(optional(check, attachment, &disposition, "string"));
        if (how && strcmp(how, "inline") != 0 && strcmp(how, "attachment") != 0) {
            refuse(check, &disposition,
                   "The disposition of your attachment can be either \"inline\" or \"attachment\". You provided '%s'.",
                   how);
        }
    }
}

/* In characters: bytes that do not continue one. */
static size_t utf8_length(const char *text)
{
    size_t length = 0;
    for (; *text; text++) {
        length += (*text & 0xc0) != 0x80;
    }
    return length;
}

static void check_categories(struct check *check, const json_t *mail)
{
    const struct path path = {NULL, "categories", 0};
    const json_t *list = json_object_get(mail, "categories");
    if (list && !json_is_array(list)) {
        refuse(check, &path, "Categories must be an array of strings.");
        return;
    }
    if (json_array_size(list) > CATEGORIES_MAX) {
        refuse(check, &path, "There is a limit of 10 categories for each email that is sent. You provided %zu categories.",
               json_array_size(list));
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *category = json_string_value(json_array_get(list, i));
        const struct path item = {&path, NULL, i};
        if (!category) {
            refuse(check, &item, "Categories must be an array of strings.");
            continue;
        }
        if (utf8_length(category) > CATEGORY_MAX) {
            refuse(check, &item, "Each category must not be longer than 255 characters. %s exceeds this limit", category);
        }
        for (size_t j = 0; j < i; j++) {
            const char *other = json_string_value(json_array_get(list, j));
            if (other && strcmp(other, category) == 0) {
                refuse(check, &item, "The categories must be a unique list, and you have included %s more than once.",
                       category);
                break;
            }
        }
    }
}

static void check_asm(struct check *check, const json_t *mail)
{
    const struct path path = {NULL, "asm", 0};
    const struct path display_path = {&path, "groups_to_display", 0};
    const json_t *group = optional(check, mail, &path, "object");
    if (!group) {
        return;
    }
    if (!json_is_integer(json_object_get(group, "group_id"))) {
        refuse(check, &(struct path){&path, "group_id", 0}, "The ASM group ID must be an integer.");
    }
    const json_t *display = optional(check, group, &display_path, "array");
    if (json_array_size(display) > GROUPS_MAX) {
        refuse(check, &display_path,
               "There is a limit of 25 unsubscribe groups that can be displayed to a user at a time.");
    }
}

/* mail_settings and tracking_settings: objects of objects, each with a switch. */
static void check_settings(struct check *check, const json_t *mail, const char *name)
{
    const struct path path = {NULL, name, 0};
    const json_t *settings = optional(check, mail, &path, "object");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)settings, key, value) {
        const struct path item = {&path, key, 0};
        if (has_type(check, &item, value, "object")) {
            (void)optional(check, value, &(struct path){&item, "enable", 0}, "boolean");
        }
    }
}

void sendgrid_check(const json_t *mail, int64_t now_s, struct sendgrid_errors *errors)
{
    struct check check = {.errors = errors, .now_s = now_s};
    const struct path subject = {NULL, "subject", 0};
    if (!json_is_object(mail)) {
        errors->items[errors->count++] = (struct sendgrid_error){.message = sendgrid_status_message(400)};
        return;
    }
    const bool all_have_subject = check_personalizations(&check, mail);
    check_from(&check, mail);
    check_reply_to(&check, mail);
    const bool has_template = check_template_id(&check, mail);
    const bool has_subject = check_subject(&check, mail, &subject);
    if (!has_subject && !all_have_subject && !has_template) {
        refuse(&check, &subject, "The subject is required. You can get around this requirement if you use a template "
                                 "with a subject defined or if every personalization has a subject defined.");
    }
    check_content(&check, mail, has_template);
    check_attachments(&check, mail);
    check_headers(&check, mail, &(struct path){NULL, "headers", 0});
    check_categories(&check, mail);
    check_custom_args(&check, mail, &(struct path){NULL, "custom_args", 0}, NULL);
    check_send_at(&check, mail, &(struct path){NULL, "send_at", 0});
    check_asm(&check, mail);
    check_settings(&check, mail, "mail_settings");
    check_settings(&check, mail, "tracking_settings");
    (void)optional(&check, mail, &(struct path){NULL, "batch_id", 0}, "string");
    (void)optional(&check, mail, &(struct path){NULL, "ip_pool_name", 0}, "string");
}

struct sendgrid_mail sendgrid_read(const json_t *mail)
{
    const json_t *first = json_array_get(json_object_get(mail, "personalizations"), 0);
    const json_t *own_args = json_object_get(first, "custom_args");
    const json_t *args = json_object_get(mail, "custom_args");
    const json_t *settings = json_object_get(mail, "mail_settings");
    struct sendgrid_mail read = {
        .to = json_string_value(json_object_get(json_array_get(json_object_get(first, "to"), 0), "email")),
        .subject = json_string_value(json_object_get(first, "subject")),
        .message_id = json_string_value(json_object_get(own_args, "message_id")),
        .attempt = json_string_value(json_object_get(own_args, "attempt")),
        .sandbox_mode = json_is_true(json_object_get(json_object_get(settings, "sandbox_mode"), "enable"))};
    read.subject = read.subject ? read.subject : json_string_value(json_object_get(mail, "subject"));
    read.message_id = read.message_id ? read.message_id : json_string_value(json_object_get(args, "message_id"));
    read.attempt = read.attempt ? read.attempt : json_string_value(json_object_get(args, "attempt"));
    return read;
}

static void write_string(struct buffer *document, const char *name, const char *value)
{
    buffer_text(document, name);
    if (value) {
        buffer_json_string(document, value, strlen(value));
    } else {
        buffer_text(document, "null");
    }
}

void sendgrid_write_errors(const struct sendgrid_errors *errors, struct buffer *document)
{
    buffer_text(document, "{\"errors\":[");
    for (size_t i = 0; i < errors->count; i++) {
        write_string(document, i ? ",{\"message\":" : "{\"message\":", errors->items[i].message);
        write_string(document, ",\"field\":", errors->items[i].field);
        write_string(document, ",\"help\":", errors->items[i].help);
        buffer_text(document, "}");
    }
    buffer_text(document, "]}");
}

const char *sendgrid_status_message(int status)
{
    static const struct {
        int status;
        const char *message;
    } known[] = {{400, "Bad Request"},
                 {401, "The provided authorization grant is invalid, expired, or revoked"},
                 {403, "access forbidden"},
                 {404, "resource not found"},
                 {405, "method not allowed"},
                 {413, "Payload Too Large"},
                 {415, "Content-Type should be application/json."},
                 {429, "too many requests"},
                 {500, "internal server error"},
                 {502, "bad gateway"},
                 {503, "service unavailable"},
                 {504, "gateway timeout"}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (known[i].status == status) {
            return known[i].message;
        }
    }
    return status >= 500 ? "internal server error" : "Bad Request";
}
