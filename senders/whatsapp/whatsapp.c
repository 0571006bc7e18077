#include "senders/whatsapp/whatsapp.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/text.h"
#include "senders/endpoint.h"
#include "senders/payload_text.h"
#include "senders/plain_text.h"
#include "senders/template_map.h"
#include "senders/whatsapp/whatsapp_codes.h"

#define TEXT_MAX 4096
#define PHONE_NUMBER_ID_MAX 32
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* "name:language" of a template. Names are lower case, languages like "en" or "pt_BR". */
static bool split_template(struct text template, struct text *ret_name, struct text *ret_language)
{
    const char *colon = memchr(template.bytes, ':', template.length);
    if (!colon) {
        return false;
    }
    const struct text name = {template.bytes, (size_t)(colon - template.bytes)};
    const struct text language = {colon + 1, template.length - name.length - 1};
    if (name.length == 0 || strspn(name.bytes, LOWER DIGITS "_") != name.length || language.length < 2 ||
        strspn(language.bytes, LOWER UPPER "_") < language.length) {
        return false;
    }
    *ret_name = name;
    *ret_language = language;
    return true;
}

static bool is_template(struct text template)
{
    struct text name;
    struct text language;
    return split_template(template, &name, &language);
}

static bool is_version(const char *text)
{
    const size_t major = text[0] == 'v' ? strspn(text + 1, DIGITS) : 0;
    const char *point = text + 1 + major;
    return major > 0 && *point == '.' && point[1] && point[1 + strspn(point + 1, DIGITS)] == '\0';
}

static bool endpoint(const struct config *config, struct endpoint *ret_endpoint, struct error *error)
{
    const char *id = config->whatsapp_phone_number_id;
    if (!*id || strspn(id, DIGITS) != strlen(id) || strlen(id) > PHONE_NUMBER_ID_MAX) {
        return error_set(
            error, "WHATSAPP_PHONE_NUMBER_ID: \"%s\" is not the id of a phone number, which has only digits",
            id);
    }
    if (!is_version(config->whatsapp_api_version)) {
        return error_set(error, "WHATSAPP_API_VERSION: \"%s\" needs the form v18.0",
                         config->whatsapp_api_version);
    }
    struct endpoint made = {0};
    if (!endpoint_check_secret("WHATSAPP_ACCESS_TOKEN", config->whatsapp_access_token, error) ||
        !template_map_check("WHATSAPP_TEMPLATES", config->whatsapp_templates, is_template,
                            "code=name:language, like welcome_email=welcome:en_US", error) ||
        !endpoint_set_url(&made, "WHATSAPP_BASE_URL", config->whatsapp_base_url, error, "/%s/%s/messages",
                          config->whatsapp_api_version, id)) {
        return false;
    }
    endpoint_add_bearer(&made, config->whatsapp_access_token);
    endpoint_add_content_type(&made, "application/json");
    *ret_endpoint = made;
    return true;
}

static void member(struct buffer *body, const char *before, struct text value)
{
    buffer_text(body, before);
    buffer_json_string(body, value.bytes, value.length);
}

/* The payload's own one, else the settings'. False when it has one that is no text. */
static bool build_language(const char *payload, struct text language, struct buffer *body)
{
    const char *ignored;
    size_t ignored_length;
    struct buffer own;
    buffer_init(&own, strlen(payload));
    const bool has_text = payload_text(payload, "language", &own);
    member(body, ",\"language\":{\"code\":", has_text ? (struct text){own.bytes, own.length} : language);
    buffer_text(body, "}");
    buffer_release(&own);
    return has_text || !json_text_member(payload, strlen(payload), "language", &ignored, &ignored_length);
}

/* They go out byte for byte, as the caller wrote them. False when they are not a list. */
static bool build_components(const char *payload, struct buffer *body)
{
    const char *components;
    size_t length;
    if (!json_text_member(payload, strlen(payload), "components", &components, &length)) {
        return true;
    }
    buffer_text(body, ",\"components\":");
    buffer_append(body, components, length);
    return components[0] == '[';
}

static bool build_template(const struct message *message, struct text name, struct text language,
                           struct buffer *body, struct verdict *ret_verdict)
{
    member(body, ",\"type\":\"template\",\"template\":{\"name\":", name);
    const bool fine =
        build_language(message->payload, language, body) && build_components(message->payload, body);
    buffer_text(body, "}");
    if (!fine) {
        verdict_set(ret_verdict, ERROR_INVALID_REQUEST,
                    "payloadJson.language has to be a string, payloadJson.components a list");
    }
    return fine;
}

static bool build_text(const struct message *message, struct buffer *body, struct verdict *ret_verdict)
{
    struct buffer text;
    buffer_init(&text, strlen(message->payload));
    const bool fine = plain_text_find(message, TEXT_MAX, &text, ret_verdict);
    if (fine) {
        member(body, ",\"type\":\"text\",\"text\":{\"body\":", (struct text){text.bytes, text.length});
        buffer_text(body, "}");
    }
    buffer_release(&text);
    return fine;
}

static bool build(const struct config *config, const struct message *message, struct buffer *body,
                  struct verdict *ret_verdict)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&message->id, id);
    struct text template;
    struct text name;
    struct text language;
    member(body, "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",\"to\":",
           text_of(message->to));
    /* Status webhooks give it back: that is how a receipt finds its message and attempt. */
    buffer_format(body, ",\"biz_opaque_callback_data\":\"%s:%d\"", id, (int)message->attempt_no);
    const bool by_template =
        template_map_find(config->whatsapp_templates, message->template_code, &template) &&
        split_template(template, &name, &language);
    const bool fine = by_template ? build_template(message, name, language, body, ret_verdict)
                                  : build_text(message, body, ret_verdict);
    buffer_text(body, "}");
    return fine && provider_body_fits(body, ret_verdict);
}

static void judge_success(const json_t *root, const struct provider_answer *answer,
                          struct verdict *ret_verdict)
{
    const char *id = answer_text(json_array_get(json_object_get(root, "messages"), 0), "id");
    if (!*id) {
        verdict_set(ret_verdict, ERROR_UNREADABLE_RESPONSE, "HTTP status %d without the message's id",
                    answer->status);
        return;
    }
    (void)snprintf(ret_verdict->provider_message_id, sizeof ret_verdict->provider_message_id, "%s", id);
}

static int number_of(const json_t *error)
{
    const int code = answer_number(error, "code");
    if (code == 100 && answer_number(error, "error_subcode") == 33) {
        return 33;
    }
    return code >= 200 && code <= 299 ? 200 : code;
}

static void judge_refusal(const json_t *root, const struct provider_answer *answer,
                          struct verdict *ret_verdict)
{
    const json_t *error = json_object_get(root, "error");
    const char *details = answer_text(json_object_get(error, "error_data"), "details");
    char words[VERDICT_TEXT_MAX];
    (void)snprintf(words, sizeof words, "%s%s%s", answer_text(error, "message"), *details ? ": " : "",
                   details);
    const struct refusal refusal = {
        .number = number_of(error), .otherwise = verdict_of_status(answer->status), .words = words};
    provider_codes_judge(whatsapp_codes, whatsapp_codes_count, &refusal, answer, ret_verdict);
}

static void judge(const struct provider_answer *answer, struct verdict *ret_verdict)
{
    ret_verdict->http_status = answer->status;
    json_t *root = json_loadb(answer->body, answer->body_length, 0, NULL);
    if (answer->status < 300) {
        judge_success(root, answer, ret_verdict);
    } else {
        judge_refusal(root, answer, ret_verdict);
    }
    json_decref(root);
}

const struct provider whatsapp = {
    .name = "whatsapp",
    .channel = CHANNEL_WHATSAPP,
    .endpoint = endpoint,
    .build = build,
    .judge = judge,
};
