#include "senders/sns/sns.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

#include "senders/aws.h"
#include "senders/payload_text.h"

#define SENDER_ID_MAX 11

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_sender_id(const char *text)
{
    size_t length = 0;
    bool has_letter = false;
    for (; text[length]; length++) {
        if (!is_letter(text[length]) && !(text[length] >= '0' && text[length] <= '9')) {
            return false;
        }
        has_letter = has_letter || is_letter(text[length]);
    }
    return has_letter && length <= SENDER_ID_MAX;
}

static bool endpoint(const struct config *config, struct endpoint *ret_endpoint, struct error *error)
{
    static const struct aws_service service = {.name = "sns",
                                               .host = "sns",
                                               .path = "/",
                                               .content_type = "application/x-www-form-urlencoded",
                                               .url_setting = "AWS_ENDPOINT_URL_SNS"};
    if (*config->sns_sender_id && !is_sender_id(config->sns_sender_id)) {
        return error_set(
            error,
            "SNS_SENDER_ID: \"%s\" must have 1 to %d letters and digits, at least one of them a letter",
            config->sns_sender_id, SENDER_ID_MAX);
    }
    return aws_endpoint(config, &service, config->aws_endpoint_url_sns, ret_endpoint, error);
}

static void attribute(struct buffer *body, int number, const char *name, const char *value)
{
    buffer_format(body, "&MessageAttributes.entry.%d.Name=%s", number, name);
    buffer_format(body, "&MessageAttributes.entry.%d.Value.DataType=String", number);
    buffer_format(body, "&MessageAttributes.entry.%d.Value.StringValue=%s", number, value);
}

static bool build(const struct config *config, const struct message *message, struct buffer *body,
                  struct verdict *ret_verdict)
{
    struct buffer text;
    buffer_init(&text, strlen(message->payload));
    const bool has_text = payload_text(message->payload, "text", &text);
    buffer_text(body, "Action=Publish&Version=2010-03-31&PhoneNumber=");
    buffer_form_value(body, message->to, strlen(message->to));
    buffer_text(body, "&Message=");
    buffer_form_value(body, text.bytes, text.length);
    attribute(body, 1, "AWS.SNS.SMS.SMSType", config->sns_sms_type);
    if (*config->sns_sender_id) {
        attribute(body, 2, "AWS.SNS.SMS.SenderID", config->sns_sender_id);
    }
    buffer_release(&text);
    if (!has_text) {
        verdict_set(ret_verdict, ERROR_TEMPLATE_NOT_FOUND, "payloadJson has no text");
    }
    return has_text && provider_body_fits(body, ret_verdict);
}

/* InvalidParameter says in its message which one. */
static const struct aws_rule rules[] = {
    {"InvalidParameter", "opted out", ERROR_RECIPIENT_OPTED_OUT},
    {"InvalidParameter", "phone", ERROR_INVALID_PHONE_NUMBER},
    {"InvalidParameter", "too long", ERROR_MESSAGE_TOO_LARGE},
    {"InvalidParameter", NULL, ERROR_INVALID_REQUEST},
    {"ParameterValueInvalid", "phone", ERROR_INVALID_PHONE_NUMBER},
    {"ParameterValueInvalid", NULL, ERROR_INVALID_REQUEST},
    {"InvalidParameterValue", "phone", ERROR_INVALID_PHONE_NUMBER},
    {"ValidationException", "phone", ERROR_INVALID_PHONE_NUMBER},
    {"OptedOut", NULL, ERROR_RECIPIENT_OPTED_OUT},
    {"UserError", NULL, ERROR_INVALID_REQUEST},
    {"Throttled", NULL, ERROR_RATE_LIMIT_EXCEEDED},
    {"KMSThrottling", NULL, ERROR_RATE_LIMIT_EXCEEDED},
    {"AuthorizationError", NULL, ERROR_PERMISSION_DENIED},
    {"KMSAccessDenied", NULL, ERROR_PERMISSION_DENIED},
    {"KMSOptInRequired", NULL, ERROR_PERMISSION_DENIED},
    {"InvalidSecurity", NULL, ERROR_AUTHENTICATION_FAILED},
    {"NotFound", NULL, ERROR_INVALID_CONFIGURATION},
    {"EndpointDisabled", NULL, ERROR_INVALID_CONFIGURATION},
    {"PlatformApplicationDisabled", NULL, ERROR_INVALID_CONFIGURATION},
    {"KMSDisabled", NULL, ERROR_INVALID_CONFIGURATION},
    {"KMSInvalidState", NULL, ERROR_INVALID_CONFIGURATION},
    {"KMSNotFound", NULL, ERROR_INVALID_CONFIGURATION},
    {"InternalError", NULL, ERROR_TEMPORARY_ERROR},
};

static xmlNode *child(xmlNode *node, const char *name)
{
    for (xmlNode *at = node ? node->children : NULL; at; at = at->next) {
        if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, name) == 0) {
            return at;
        }
    }
    return NULL;
}

/* Copies the text of an element; "" when there is none. */
static void copy_text(xmlNode *node, char *ret_text, size_t size)
{
    xmlChar *text = node ? xmlNodeGetContent(node) : NULL;
    (void)snprintf(ret_text, size, "%s", text ? (const char *)text : "");
    xmlFree(text);
}

/*
 * <PublishResponse><PublishResult><MessageId>…, or <ErrorResponse><Error><Code>…<Message>…. What is not
 * well-formed, or cut, says nothing, nor does what brings a DTD: entities in it could name files, or grow.
 */
static void judge(const struct provider_answer *answer, struct verdict *ret_verdict)
{
    struct aws_error error;
    xmlDoc *document = xmlReadMemory(answer->body, (int)answer->body_length, NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlNode *root = document && !document->intSubset ? xmlDocGetRootElement(document) : NULL;
    xmlNode *said = child(root, "Error");
    copy_text(child(said, "Code"), error.code, sizeof error.code);
    copy_text(child(said, "Message"), error.message, sizeof error.message);
    copy_text(child(child(root, "PublishResult"), "MessageId"), ret_verdict->provider_message_id,
              sizeof ret_verdict->provider_message_id);
    xmlFreeDoc(document);
    if (answer->status == 200 && *ret_verdict->provider_message_id) {
        ret_verdict->http_status = answer->status;
    } else {
        *ret_verdict->provider_message_id = '\0';
        aws_judge(answer, &error, rules, COUNT_OF(rules), ret_verdict);
    }
}

const struct provider sns = {
    .name = "sns",
    .channel = CHANNEL_SMS,
    .endpoint = endpoint,
    .build = build,
    .judge = judge,
};
