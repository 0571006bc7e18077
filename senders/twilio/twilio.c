#include "senders/twilio/twilio.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "schemas/address.h"
#include "senders/endpoint.h"
#include "senders/plain_text.h"
#include "senders/twilio/twilio_codes.h"

#define SID_LENGTH 34
#define TEXT_MAX 1600
#define SENDER_ID_MAX 11 /* of one that is not a phone number */
#define CALLBACK_MAX 1024

static bool is_sid(const char *text, const char *prefix)
{
    return strncmp(text, prefix, 2) == 0 && strlen(text) == SID_LENGTH &&
           strspn(text + 2, "0123456789abcdefABCDEF") == SID_LENGTH - 2;
}

/* A phone number, a short code or an alphanumeric sender ID. */
static bool is_sender(const char *text)
{
    const size_t length = strlen(text);
    if (text[0] == '+') {
        return !address_check_phone(text, length);
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr(" +-_&", text[i])) {
            return false;
        }
    }
    return length <= SENDER_ID_MAX;
}

static bool check_senders(const struct config *config, struct error *error)
{
    const char *number = config->twilio_from_number;
    const char *service = config->twilio_messaging_service_sid;
    if (!*number && !*service) {
        return error_set(error, "TWILIO_FROM_NUMBER: is required, or TWILIO_MESSAGING_SERVICE_SID");
    }
    if (!is_sender(number)) {
        return error_set(
            error,
            "TWILIO_FROM_NUMBER: \"%s\" is neither a phone number in E.164, like +4915112345678, "
            "nor a short code or sender ID of at most 11 characters",
            number);
    }
    return !*service || is_sid(service, "MG") ||
           error_set(error,
                     "TWILIO_MESSAGING_SERVICE_SID: \"%s\" needs the form MG and 32 hexadecimal digits",
                     service);
}

static bool check_status_callback(const char *url, struct error *error)
{
    return (strlen(url) <= CALLBACK_MAX && text_is_visible_ascii(text_of(url))) ||
           error_set(error, "TWILIO_STATUS_CALLBACK_URL: must have at most %d characters, and no spaces",
                     CALLBACK_MAX);
}

static bool endpoint(const struct config *config, struct endpoint *ret_endpoint, struct error *error)
{
    if (!is_sid(config->twilio_account_sid, "AC")) {
        return error_set(error, "TWILIO_ACCOUNT_SID: \"%s\" needs the form AC and 32 hexadecimal digits",
                         config->twilio_account_sid);
    }
    struct endpoint made = {0};
    if (!endpoint_check_secret("TWILIO_AUTH_TOKEN", config->twilio_auth_token, error) ||
        !check_senders(config, error) || !check_status_callback(config->twilio_status_callback_url, error) ||
        !endpoint_set_url(&made, "TWILIO_BASE_URL", config->twilio_base_url, error,
                          "/2010-04-01/Accounts/%s/Messages.json", config->twilio_account_sid)) {
        return false;
    }
    endpoint_add_basic(&made, config->twilio_account_sid, config->twilio_auth_token);
    endpoint_add_content_type(&made, "application/x-www-form-urlencoded");
    *ret_endpoint = made;
    return true;
}

static void field(struct buffer *body, const char *name, const char *value, size_t length)
{
    buffer_text(body, body->length > 0 ? "&" : "");
    buffer_text(body, name);
    buffer_text(body, "=");
    buffer_form_value(body, value, length);
}

/* Left out when it is empty. */
static void optional_field(struct buffer *body, const char *name, const char *value)
{
    if (*value) {
        field(body, name, value, strlen(value));
    }
}

/* Twilio has no field for an id of ours, but it calls this URL as it is. */
static void status_callback_field(const char *url, const struct message *message, struct buffer *body)
{
    char id[UUID_TEXT_SIZE];
    char with_id[CALLBACK_MAX + 100];
    uuid_format(&message->id, id);
    (void)snprintf(with_id, sizeof with_id, "%s%cmessageId=%s&attempt=%d", url, strchr(url, '?') ? '&' : '?',
                   id, (int)message->attempt_no);
    optional_field(body, "StatusCallback", *url ? with_id : "");
}

static bool build(const struct config *config, const struct message *message, struct buffer *body,
                  struct verdict *ret_verdict)
{
    struct buffer text;
    buffer_init(&text, strlen(message->payload));
    const bool has_text = plain_text_find(message, TEXT_MAX, &text, ret_verdict);
    if (has_text) {
        field(body, "To", message->to, strlen(message->to));
        optional_field(body, "From", config->twilio_from_number);
        optional_field(body, "MessagingServiceSid", config->twilio_messaging_service_sid);
        field(body, "Body", text.bytes, text.length);
        status_callback_field(config->twilio_status_callback_url, message, body);
    }
    buffer_release(&text);
    return has_text && provider_body_fits(body, ret_verdict);
}

/* A message that was made can have failed at once. */
static bool has_failed(const char *status)
{
    return strcmp(status, "failed") == 0 || strcmp(status, "undelivered") == 0 ||
           strcmp(status, "canceled") == 0;
}

static void judge_success(const json_t *made, const struct provider_answer *answer,
                          struct verdict *ret_verdict)
{
    const char *sid = answer_text(made, "sid");
    if (!is_sid(sid, "SM") && !is_sid(sid, "MM")) {
        verdict_set(ret_verdict, ERROR_UNREADABLE_RESPONSE, "HTTP status %d without the message's sid",
                    answer->status);
        return;
    }
    (void)snprintf(ret_verdict->provider_message_id, sizeof ret_verdict->provider_message_id, "%s", sid);
    if (has_failed(answer_text(made, "status"))) {
        const struct refusal refusal = {.number = answer_number(made, "error_code"),
                                        .otherwise = ERROR_PROVIDER_REJECTED,
                                        .words = answer_text(made, "error_message")};
        provider_codes_judge(twilio_codes, twilio_codes_count, &refusal, answer, ret_verdict);
    }
}

static void judge(const struct provider_answer *answer, struct verdict *ret_verdict)
{
    ret_verdict->http_status = answer->status;
    json_t *root = json_loadb(answer->body, answer->body_length, 0, NULL);
    if (answer->status < 300) {
        judge_success(root, answer, ret_verdict);
    } else {
        const struct refusal refusal = {.number = answer_number(root, "code"),
                                        .otherwise = verdict_of_status(answer->status),
                                        .words = answer_text(root, "message")};
        provider_codes_judge(twilio_codes, twilio_codes_count, &refusal, answer, ret_verdict);
    }
    json_decref(root);
}

const struct provider twilio = {
    .name = "twilio",
    .channel = CHANNEL_SMS,
    .endpoint = endpoint,
    .build = build,
    .judge = judge,
};
