#include "sandbox/whatsapp.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/uuid.h"

#define TEXT_MAX 4096
#define OPAQUE_MAX 512

struct check {
    struct arena *arena;
    struct whatsapp_error *error;
};

static const char *format(struct check *check, const char *words, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, words, again);
    va_end(again);
    char *text = arena_alloc(check->arena, (size_t)length + 1);
    (void)vsnprintf(text, (size_t)length + 1, words, args);
    return text;
}

/* Error 100 with its reason in the message. */
static bool refuse(struct check *check, const char *words, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct check *check, const char *words, ...)
{
    va_list args;
    va_start(args, words);
    *check->error = (struct whatsapp_error){400, 100, format(check, words, args), NULL};
    va_end(args);
    return false;
}

/* Error 100 with its reason in the details. */
static bool refuse_parameter(struct check *check, const char *words, ...) PRINTF_LIKE(2, 3);
static bool refuse_parameter(struct check *check, const char *words, ...)
{
    va_list args;
    va_start(args, words);
    *check->error = (struct whatsapp_error){400, 100, "(#100) Invalid parameter", format(check, words, args)};
    va_end(args);
    return false;
}

/* Whether an object has no other members than those of the list, which ends with NULL. */
static bool check_members(struct check *check, const json_t *object, const char *path,
                          const char *const *known)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0) {
            i++;
        }
        if (!known[i]) {
            return refuse(check, "(#100) Unexpected key \"%s\" on param \"%s\".", name, path);
        }
    }
    return true;
}

/* A string of 1 to `most` characters. */
static bool check_string(struct check *check, const json_t *value, const char *path, size_t most)
{
    const char *text = json_string_value(value);
    if (!value) {
        return refuse(check, "(#100) The parameter %s is required.", path);
    }
    if (!text) {
        return refuse(check, "(#100) Param %s must be a string.", path);
    }
    size_t count = 0;
    for (const char *at = text; *at; at++) {
        count += (*at & 0xc0) != 0x80;
    }
    if (count == 0) {
        return refuse(check, "(#100) The parameter %s is required.", path);
    }
    return count <= most || refuse(check, "(#100) Param %s must be at most %zu characters long.", path, most);
}

static bool check_to(struct check *check, const json_t *to)
{
    const char *text = json_string_value(to);
    if (!text) {
        return refuse(check, "(#100) The parameter to is required.");
    }
    text += *text == '+';
    const size_t digits = strspn(text, "0123456789");
    return (digits >= 7 && digits <= 15 && text[digits] == '\0' && text[0] != '0') ||
           refuse_parameter(check, "Parameter Invalid");
}

static bool check_text(struct check *check, const json_t *text)
{
    static const char *const members[] = {"body", "preview_url", NULL};
    if (!json_is_object(text)) {
        return refuse(check, "(#100) The parameter text is required.");
    }
    return check_members(check, text, "text", members) &&
           check_string(check, json_object_get(text, "body"), "text['body']", TEXT_MAX);
}

static bool check_parameter(struct check *check, const json_t *parameter)
{
    const char *type = json_string_value(json_object_get(parameter, "type"));
    if (!type) {
        return refuse_parameter(check, "Parameter 'type' is mandatory for component parameter");
    }
    return json_object_get(parameter, type) ||
           refuse_parameter(check, "Parameter '%s' is mandatory for component parameter type '%s'", type,
                            type);
}

static bool check_components(struct check *check, const json_t *components)
{
    static const char *const members[] = {"type", "sub_type", "index", "parameters", "cards", NULL};
    if (components && !json_is_array(components)) {
        return refuse(check, "(#100) Param template['components'] must be an array.");
    }
    for (size_t i = 0; i < json_array_size(components); i++) {
        const json_t *component = json_array_get(components, i);
        const json_t *parameters = json_object_get(component, "parameters");
        if (!check_members(check, component, "template['components']", members) ||
            !check_string(check, json_object_get(component, "type"), "template['components']['type']", 64)) {
            return false;
        }
        for (size_t j = 0; j < json_array_size(parameters); j++) {
            if (!check_parameter(check, json_array_get(parameters, j))) {
                return false;
            }
        }
    }
    return true;
}

static bool check_template(struct check *check, const json_t *template)
{
    static const char *const members[] = {"name", "language", "components", "namespace", NULL};
    static const char *const language_members[] = {"code", "policy", NULL};
    if (!json_is_object(template)) {
        return refuse(check, "(#100) The parameter template is required.");
    }
    const json_t *language = json_object_get(template, "language");
    return check_members(check, template, "template", members) &&
           check_string(check, json_object_get(template, "name"), "template['name']", 512) &&
           check_members(check, language, "template['language']", language_members) &&
           check_string(check, json_object_get(language, "code"), "template['language']['code']", 15) &&
           check_components(check, json_object_get(template, "components"));
}

static bool check_content(struct check *check, const json_t *body)
{
    const json_t *type = json_object_get(body, "type");
    const char *name = type ? json_string_value(type) : "text";
    if (name && strcmp(name, "text") == 0) {
        return check_text(check, json_object_get(body, "text"));
    }
    if (name && strcmp(name, "template") == 0) {
        return check_template(check, json_object_get(body, "template"));
    }
    *check->error = (struct whatsapp_error){400, 131051, "(#131051) Unsupported message type", NULL};
    return false;
}

bool whatsapp_check(const json_t *body, struct arena *arena, struct whatsapp_error *ret_error)
{
    static const char *const members[] = {
        "messaging_product", "recipient_type",           "to",      "type", "text",
        "template",          "biz_opaque_callback_data", "context", NULL};
    struct check check = {arena, ret_error};
    const char *product = json_string_value(json_object_get(body, "messaging_product"));
    const json_t *opaque = json_object_get(body, "biz_opaque_callback_data");
    const json_t *recipient_type = json_object_get(body, "recipient_type");
    const char *kind = json_string_value(recipient_type);
    if (!product) {
        return refuse(&check, "(#100) The parameter messaging_product is required.");
    }
    if (strcasecmp(product, "whatsapp") != 0) {
        return refuse(&check, "(#100) Param messaging_product must be one of {WHATSAPP} - got \"%s\".",
                      product);
    }
    if (recipient_type && (!kind || strcasecmp(kind, "individual") != 0)) {
        return refuse(&check, "(#100) Param recipient_type must be one of {INDIVIDUAL}.");
    }
    return check_members(&check, body, "body", members) && check_to(&check, json_object_get(body, "to")) &&
           (!opaque || check_string(&check, opaque, "biz_opaque_callback_data", OPAQUE_MAX)) &&
           check_content(&check, body);
}

struct whatsapp_error whatsapp_status_error(int status)
{
    static const struct whatsapp_error known[] = {
        {401, 190, "Invalid OAuth access token - Cannot parse access token", NULL},
        {403, 10, "(#10) Application does not have permission for this action", NULL},
        {404, 132001, "(#132001) Template name does not exist in the translation", NULL},
        {429, 130429, "(#130429) Rate limit hit",
         "Message failed to send because there are too many messages "
         "sent from this phone number in a short period of time."},
        {500, 131000, "(#131000) Something went wrong", NULL},
        {503, 131016, "(#131016) Service unavailable", NULL}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (known[i].status == status) {
            return known[i];
        }
    }
    return status >= 500 ? (struct whatsapp_error){status, 2, "(#2) Service temporarily unavailable", NULL}
                         : (struct whatsapp_error){status, 100, "(#100) Invalid parameter", NULL};
}

static void write_json(json_t *json, struct buffer *document)
{
    char *text = json_dumps(json, JSON_COMPACT);
    buffer_text(document, text);
    free(text);
    json_decref(json);
}

/* Random bytes in Base64. */
static void random_base64(char ret_text[45])
{
    const struct uuid random[2] = {uuid_v4(), uuid_v4()};
    (void)EVP_EncodeBlock((unsigned char *)ret_text, (const unsigned char *)random, sizeof random);
}

void whatsapp_write_error(const struct whatsapp_error *error, struct buffer *document)
{
    char trace_id[45];
    random_base64(trace_id);
    trace_id[22] = '\0';
    json_t *inner = json_pack("{s:s, s:s, s:i, s:s}", "message", error->message, "type", "OAuthException",
                              "code", error->code, "fbtrace_id", trace_id);
    if (error->details) {
        json_object_set_new(
            inner, "error_data",
            json_pack("{s:s, s:s}", "messaging_product", "whatsapp", "details", error->details));
    }
    write_json(json_pack("{s:o}", "error", inner), document);
}

void whatsapp_new_id(char ret_id[WHATSAPP_ID_SIZE])
{
    char base64[45];
    random_base64(base64);
    (void)snprintf(ret_id, WHATSAPP_ID_SIZE, "wamid.%s", base64);
}

void whatsapp_write_accepted(const json_t *body, const char *id, struct buffer *document)
{
    const char *to = json_string_value(json_object_get(body, "to"));
    const char *type = json_string_value(json_object_get(body, "type"));
    json_t *message = json_pack("{s:s}", "id", id);
    if (type && strcmp(type, "template") == 0) {
        json_object_set_new(message, "message_status", json_string("accepted"));
    }
    write_json(json_pack("{s:s, s:[{s:s, s:s}], s:[o]}", "messaging_product", "whatsapp", "contacts", "input",
                         to, "wa_id", to + (*to == '+'), "messages", message),
               document);
}
