#include "senders/ses/ses.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "senders/answer_json.h"
#include "senders/aws.h"
#include "senders/mailbox.h"
#include "senders/payload_text.h"
#include "senders/template_map.h"

#define NAME_MAX_LENGTH 64 /* of a template, of a configuration set */
#define TEMPLATE_DATA_MAX 262144
#define MAILBOX_MAX ((size_t)8 * 1024)

static bool is_name(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        const char c = name.bytes[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '-')) {
            return false;
        }
    }
    return name.length > 0 && name.length <= NAME_MAX_LENGTH;
}

static bool endpoint(const struct config *config, struct endpoint *ret_endpoint, struct error *error)
{
    static const struct aws_service service = {.name = "ses",
                                               .host = "email",
                                               .path = "/v2/email/outbound-emails",
                                               .content_type = "application/json",
                                               .url_setting = "AWS_ENDPOINT_URL_SESV2"};
    if (*config->ses_configuration_set && !is_name(text_of(config->ses_configuration_set))) {
        return error_set(error, "SES_CONFIGURATION_SET: \"%s\" is not the name of a configuration set",
                         config->ses_configuration_set);
    }
    return mailbox_check_sender(config, error) &&
           template_map_check("SES_TEMPLATES", config->ses_templates, is_name,
                              "code=name, the name of a template", error) &&
           aws_endpoint(config, &service, config->aws_endpoint_url_sesv2, ret_endpoint, error);
}

static void member(struct buffer *body, const char *before, const char *value, size_t length)
{
    buffer_text(body, before);
    buffer_json_string(body, value, length);
}

static void build_from(const struct config *config, struct buffer *body)
{
    struct buffer mailbox;
    buffer_init(&mailbox, MAILBOX_MAX);
    mailbox_append_sender(config, &mailbox);
    member(body, "{\"FromEmailAddress\":", mailbox.bytes, mailbox.length);
    buffer_release(&mailbox);
}

/* The template has its subject in itself. */
static bool build_template(struct text name, const char *payload, struct buffer *body,
                           struct verdict *ret_verdict)
{
    const size_t length = strlen(payload);
    if (length > TEMPLATE_DATA_MAX) {
        verdict_set(ret_verdict, ERROR_MESSAGE_TOO_LARGE,
                    "payloadJson has %zu bytes; Amazon SES takes %d as a template's data", length,
                    TEMPLATE_DATA_MAX);
        return false;
    }
    member(body, "{\"Template\":{\"TemplateName\":", name.bytes, name.length);
    member(body, ",\"TemplateData\":", payload, length);
    buffer_text(body, "}}");
    return true;
}

/* One part of the body, if the message has it. */
static bool build_part(const struct message *message, const char *name, const char *before,
                       struct buffer *part, struct buffer *body)
{
    buffer_clear(part);
    const bool found = payload_text(message->payload, name, part);
    if (found) {
        member(body, before, part->bytes, part->length);
        buffer_text(body, ",\"Charset\":\"UTF-8\"}");
    }
    return found;
}

static bool build_simple(const struct message *message, struct buffer *body, struct verdict *ret_verdict)
{
    const char *subject = message->subject ? message->subject : "";
    struct buffer part;
    buffer_init(&part, strlen(message->payload));
    member(body, "{\"Simple\":{\"Subject\":{\"Data\":", subject, strlen(subject));
    buffer_text(body, ",\"Charset\":\"UTF-8\"},\"Body\":{");
    const bool has_text = build_part(message, "text", "\"Text\":{\"Data\":", &part, body);
    const bool has_html =
        build_part(message, "html", has_text ? ",\"Html\":{\"Data\":" : "\"Html\":{\"Data\":", &part, body);
    buffer_text(body, "}}}");
    buffer_release(&part);
    if (!has_text && !has_html) {
        verdict_set(
            ret_verdict, ERROR_TEMPLATE_NOT_FOUND,
            "SES_TEMPLATES has no name for templateCode \"%s\", and payloadJson has neither text nor html",
            message->template_code);
    }
    return has_text || has_html;
}

static bool build(const struct config *config, const struct message *message, struct buffer *body,
                  struct verdict *ret_verdict)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&message->id, id);
    build_from(config, body);
    member(body, ",\"Destination\":{\"ToAddresses\":[", message->to, strlen(message->to));
    /* Events of the configuration set bear the tags: that is how a receipt finds its message. */
    buffer_format(body,
                  "]},\"EmailTags\":[{\"Name\":\"message_id\",\"Value\":\"%s\"},"
                  "{\"Name\":\"attempt\",\"Value\":\"%d\"}]",
                  id, (int)message->attempt_no);
    if (*config->ses_configuration_set) {
        member(body, ",\"ConfigurationSetName\":", config->ses_configuration_set,
               strlen(config->ses_configuration_set));
    }
    buffer_text(body, ",\"Content\":");
    struct text template_name;
    const bool fine = template_map_find(config->ses_templates, message->template_code, &template_name)
                          ? build_template(template_name, message->payload, body, ret_verdict)
                          : build_simple(message, body, ret_verdict);
    buffer_text(body, "}");
    return fine && provider_body_fits(body, ret_verdict);
}

static const struct aws_rule rules[] = {
    {"TooManyRequestsException", "daily", ERROR_QUOTA_EXCEEDED},
    {"TooManyRequestsException", NULL, ERROR_RATE_LIMIT_EXCEEDED},
    {"ThrottlingException", "daily", ERROR_QUOTA_EXCEEDED},
    {"Throttling", "daily", ERROR_QUOTA_EXCEEDED},
    {"LimitExceededException", "sending rate", ERROR_RATE_LIMIT_EXCEEDED},
    {"LimitExceededException", NULL, ERROR_QUOTA_EXCEEDED},
    {"AccountSuspendedException", NULL, ERROR_ACCOUNT_SUSPENDED},
    {"SendingPausedException", NULL, ERROR_SENDING_PAUSED},
    {"MailFromDomainNotVerifiedException", NULL, ERROR_PERMISSION_DENIED},
    {"MessageRejected", "not verified", ERROR_PERMISSION_DENIED},
    {"MessageRejected", "not authorized", ERROR_PERMISSION_DENIED},
    {"MessageRejected", "sending paused", ERROR_SENDING_PAUSED},
    {"MessageRejected", NULL, ERROR_CONTENT_REJECTED},
    {"NotFoundException", "template", ERROR_TEMPLATE_NOT_FOUND},
    {"NotFoundException", NULL, ERROR_INVALID_CONFIGURATION},
    {"BadRequestException", "template", ERROR_INVALID_REQUEST},
    {"BadRequestException", "address", ERROR_INVALID_EMAIL},
    {"BadRequestException", "@domain", ERROR_INVALID_EMAIL},
    {"BadRequestException", "domain contains", ERROR_INVALID_EMAIL},
    {"BadRequestException", "domain starts", ERROR_INVALID_EMAIL},
    {"BadRequestException", "domain ends", ERROR_INVALID_EMAIL},
    {"BadRequestException", "too long", ERROR_MESSAGE_TOO_LARGE},
    {"BadRequestException", NULL, ERROR_INVALID_REQUEST},
};

/*
 * The error's name is in the header X-Amzn-ErrorType, maybe with ":" and a URL behind it, else in the body's
 * "__type", maybe with a namespace and "#" before it.
 */
static struct aws_error read_error(const struct provider_answer *answer, const json_t *root)
{
    struct aws_error error = {.code = ""};
    const char *name = answer->header(answer->header_arg, "X-Amzn-ErrorType");
    name = name ? name : answer_text(root, "__type");
    const char *hash = strrchr(name, '#');
    name = hash ? hash + 1 : name;
    (void)snprintf(error.code, sizeof error.code, "%.*s", (int)strcspn(name, ":"), name);
    const char *message = json_string_value(json_object_get(root, "message"));
    message = message ? message : json_string_value(json_object_get(root, "Message"));
    (void)snprintf(error.message, sizeof error.message, "%s", message ? message : "");
    return error;
}

static void judge(const struct provider_answer *answer, struct verdict *ret_verdict)
{
    json_t *root = json_loadb(answer->body, answer->body_length, 0, NULL);
    const char *id = answer_text(root, "MessageId");
    if (answer->status == 200 && *id) {
        ret_verdict->http_status = answer->status;
        (void)snprintf(ret_verdict->provider_message_id, sizeof ret_verdict->provider_message_id, "%s", id);
    } else {
        const struct aws_error error = read_error(answer, root);
        aws_judge(answer, &error, rules, COUNT_OF(rules), ret_verdict);
    }
    json_decref(root);
}

const struct provider ses = {
    .name = "ses",
    .channel = CHANNEL_EMAIL,
    .endpoint = endpoint,
    .build = build,
    .judge = judge,
};
