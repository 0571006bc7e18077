/*
 * What SendGrid demands of the body of a request, member by member.
 */
#include "sandbox/sendgrid.h"

#include <string.h>
#include <strings.h>

#include "base/uuid.h"
#include "sandbox/sendgrid_checks.h"

#define REPLY_TO_MAX 1000
#define CATEGORIES_MAX 10
#define CATEGORY_MAX 255 /* characters */
#define GROUPS_MAX 25

static void check_from(struct check *check, const json_t *mail)
{
    const struct field field = {NULL, "from", 0};
    const json_t *from = json_object_get(mail, "from");
    const bool is_empty = json_is_object(from) && !json_object_get(from, "email");
    if (!from || json_is_null(from) || is_empty) {
        field_refuse(check, &(struct field){&field, "email", 0},
                     "The from object must be provided for every email send. It is an object that requires "
                     "the email parameter, but may also contain a name parameter.  e.g. {\"email\" : "
                     "\"example@example.com\"}  or {\"email\" : \"example@example.com\", \"name\" : "
                     "\"Example Recipient\"}.");
    } else {
        (void)field_address(check, &field, from, "from");
    }
}

static void check_reply_to(struct check *check, const json_t *mail)
{
    const struct field field = {NULL, "reply_to", 0};
    const struct field list_field = {NULL, "reply_to_list", 0};
    const json_t *reply_to = json_object_get(mail, "reply_to");
    const json_t *list = field_optional(check, mail, &list_field, "array");
    if (reply_to) {
        (void)field_address(check, &field, reply_to, "reply_to");
    }
    if (reply_to && list) {
        field_refuse(check, &field, "reply_to is mutually exclusive with reply_to_list.");
    }
    if (json_array_size(list) > REPLY_TO_MAX) {
        field_refuse(check, &list_field, "There is a limit of %d reply_to emails per mail/send request.",
                     REPLY_TO_MAX);
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct field item = {&list_field, NULL, i};
        (void)field_address(check, &item, json_array_get(list, i), "reply_to_list");
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
    const struct field field = {NULL, "template_id", 0};
    const json_t *id = field_optional(check, mail, &field, "string");
    if (id && !is_template_id(json_string_value(id))) {
        field_refuse(check, &field, "The template_id must be a valid GUID, you provided '%s'.",
                     json_string_value(id));
        return false;
    }
    return id != NULL;
}

static void check_content_type(struct check *check, const struct field *field, const json_t *type)
{
    if (!type) {
        field_refuse(check, field,
                     "A content type is required, this tells email clients how to display the email.");
    } else if (field_has_type(check, field, type, "string")) {
        if (json_string_length(type) == 0) {
            field_refuse(check, field,
                         "Your content type must be a string with length of at least one character.");
        } else if (strpbrk(json_string_value(type), ";,\r\n")) {
            field_refuse(check, field, "Cannot contain ';', or CRLF characters.");
        }
    }
}

static void check_content_value(struct check *check, const struct field *field, const json_t *value)
{
    if (!value) {
        field_refuse(check, field,
                     "A content value is required, this is the content of the email you are sending.");
    } else if (field_has_type(check, field, value, "string") && json_string_length(value) == 0) {
        field_refuse(check, field, "The content value must be a string at least one character in length.");
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
    const struct field field = {NULL, "content", 0};
    const json_t *content = json_object_get(mail, "content");
    if (content && !json_is_null(content) && !field_has_type(check, &field, content, "array")) {
        return;
    }
    if (json_array_size(content) == 0 && !has_template) {
        field_refuse(check, &field,
                     "Unless a valid template_id is provided, the content parameter is required. There must "
                     "be at least one defined content block. We typically suggest both text/plain and "
                     "text/html blocks are included, but only one block is required.");
    }
    int rank = 0;
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *block = json_array_get(content, i);
        const struct field item = {&field, NULL, i};
        if (!field_has_type(check, &item, block, "object")) {
            continue;
        }
        check_content_type(check, &(struct field){&item, "type", 0}, json_object_get(block, "type"));
        check_content_value(check, &(struct field){&item, "value", 0}, json_object_get(block, "value"));
        if (content_rank(block) < rank) {
            field_refuse(check, &field,
                         "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent "
                         "in your email: text/plain needs to be first, followed by text/html, followed by "
                         "any other content.");
        }
        rank = content_rank(block);
    }
}

static void check_attachments(struct check *check, const json_t *mail)
{
    const struct field field = {NULL, "attachments", 0};
    const json_t *list = field_optional(check, mail, &field, "array");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *attachment = json_array_get(list, i);
        const struct field item = {&field, NULL, i};
        if (!field_has_type(check, &item, attachment, "object")) {
            continue;
        }
        const struct field content = {&item, "content", 0};
        const struct field filename = {&item, "filename", 0};
        const struct field disposition = {&item, "disposition", 0};
        if (json_string_length(json_object_get(attachment, "content")) == 0) {
            field_refuse(check, &content,
                         "The attachment content must be a string at least one character in length.");
        }
        if (!json_object_get(attachment, "filename")) {
            field_refuse(check, &filename, "filename is required.");
        }
        (void)field_optional(check, attachment, &filename, "string");
        const char *how = json_string_value(field_optional(check, attachment, &disposition, "string"));
        if (how && strcmp(how, "inline") != 0 && strcmp(how, "attachment") != 0) {
            field_refuse(check, &disposition,
                         "The disposition of your attachment can be either \"inline\" or \"attachment\". You "
                         "provided '%s'.",
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
    const struct field field = {NULL, "categories", 0};
    const json_t *list = json_object_get(mail, "categories");
    if (list && !json_is_array(list)) {
        field_refuse(check, &field, "Categories must be an array of strings.");
        return;
    }
    if (json_array_size(list) > CATEGORIES_MAX) {
        field_refuse(
            check, &field,
            "There is a limit of 10 categories for each email that is sent. You provided %zu categories.",
            json_array_size(list));
        return;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *category = json_string_value(json_array_get(list, i));
        const struct field item = {&field, NULL, i};
        if (!category) {
            field_refuse(check, &item, "Categories must be an array of strings.");
            continue;
        }
        if (utf8_length(category) > CATEGORY_MAX) {
            field_refuse(check, &item,
                         "Each category must not be longer than 255 characters. %s exceeds this limit",
                         category);
        }
        for (size_t j = 0; j < i; j++) {
            const char *other = json_string_value(json_array_get(list, j));
            if (other && strcmp(other, category) == 0) {
                field_refuse(check, &item,
                             "The categories must be a unique list, and you have included %s more than once.",
                             category);
                break;
            }
        }
    }
}

static void check_asm(struct check *check, const json_t *mail)
{
    const struct field field = {NULL, "asm", 0};
    const struct field display_field = {&field, "groups_to_display", 0};
    const json_t *group = field_optional(check, mail, &field, "object");
    if (!group) {
        return;
    }
    if (!json_is_integer(json_object_get(group, "group_id"))) {
        field_refuse(check, &(struct field){&field, "group_id", 0}, "The ASM group ID must be an integer.");
    }
    const json_t *display = field_optional(check, group, &display_field, "array");
    if (json_array_size(display) > GROUPS_MAX) {
        field_refuse(check, &display_field,
                     "There is a limit of 25 unsubscribe groups that can be displayed to a user at a time.");
    }
}

/* mail_settings and tracking_settings: objects of objects, each with a switch. */
static void check_settings(struct check *check, const json_t *mail, const char *name)
{
    const struct field field = {NULL, name, 0};
    const json_t *settings = field_optional(check, mail, &field, "object");
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)settings, key, value) {
        const struct field item = {&field, key, 0};
        if (field_has_type(check, &item, value, "object")) {
            (void)field_optional(check, value, &(struct field){&item, "enable", 0}, "boolean");
        }
    }
}

void sendgrid_check(const json_t *mail, int64_t now_s, struct sendgrid_errors *errors)
{
    struct check check = {.errors = errors, .now_s = now_s};
    const struct field subject = {NULL, "subject", 0};
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
        field_refuse(&check, &subject,
                     "The subject is required. You can get around this requirement if you use a template "
                     "with a subject defined or if every personalization has a subject defined.");
    }
    check_content(&check, mail, has_template);
    check_attachments(&check, mail);
    check_headers(&check, mail, &(struct field){NULL, "headers", 0});
    check_categories(&check, mail);
    check_custom_args(&check, mail, &(struct field){NULL, "custom_args", 0}, NULL);
    check_send_at(&check, mail, &(struct field){NULL, "send_at", 0});
    check_asm(&check, mail);
    check_settings(&check, mail, "mail_settings");
    check_settings(&check, mail, "tracking_settings");
    (void)field_optional(&check, mail, &(struct field){NULL, "batch_id", 0}, "string");
    (void)field_optional(&check, mail, &(struct field){NULL, "ip_pool_name", 0}, "string");
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
        .content = json_object_get(first, "dynamic_template_data"),
        .sandbox_mode = json_is_true(json_object_get(json_object_get(settings, "sandbox_mode"), "enable"))};
    read.subject = read.subject ? read.subject : json_string_value(json_object_get(mail, "subject"));
    read.message_id =
        read.message_id ? read.message_id : json_string_value(json_object_get(args, "message_id"));
    read.attempt = read.attempt ? read.attempt : json_string_value(json_object_get(args, "attempt"));
    read.content = read.content ? read.content : json_object_get(mail, "content");
    return read;
}
