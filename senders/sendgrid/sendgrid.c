#include "senders/sendgrid/sendgrid.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/text.h"
#include "senders/answer_json.h"
#include "senders/endpoint.h"
#include "senders/mailbox.h"
#include "senders/payload_text.h"
#include "senders/template_map.h"

#define DYNAMIC_PREFIX "d-"

static bool is_template_id(struct text id)
{
    return id.length > strlen(DYNAMIC_PREFIX) &&
           strncmp(id.bytes, DYNAMIC_PREFIX, strlen(DYNAMIC_PREFIX)) == 0;
}

static bool endpoint(const struct config *config, struct endpoint *ret_endpoint, struct error *error)
{
    struct endpoint made = {0};
    if (!endpoint_check_secret("SENDGRID_API_KEY", config->sendgrid_api_key, error) ||
        !mailbox_check_sender(config, error) ||
        !template_map_check("SENDGRID_TEMPLATES", config->sendgrid_templates, is_template_id,
                            "code=d-…, the id of a dynamic template", error) ||
        !endpoint_set_url(&made, "SENDGRID_BASE_URL", config->sendgrid_base_url, error, "/v3/mail/send")) {
        return false;
    }
    endpoint_add_bearer(&made, config->sendgrid_api_key);
    endpoint_add_content_type(&made, "application/json");
    *ret_endpoint = made;
    return true;
}

static void member(struct buffer *body, const char *before, const char *value)
{
    buffer_text(body, before);
    buffer_json_string(body, value, strlen(value));
}

/* Without a template the message has to bring its text. */
static bool build_content(const struct message *message, struct buffer *body, struct verdict *ret_verdict)
{
    struct buffer part;
    buffer_init(&part, strlen(message->payload));
    const bool has_text = payload_text(message->payload, "text", &part);
    if (has_text) {
        buffer_text(body, ",\"content\":[{\"type\":\"text/plain\",\"value\":");
        buffer_json_string(body, part.bytes, part.length);
        buffer_clear(&part);
    }
    const bool has_html = payload_text(message->payload, "html", &part);
    if (has_html) {
        buffer_text(body, has_text ? "},{\"type\":\"text/html\",\"value\":"
                                   : ",\"content\":[{\"type\":\"text/html\",\"value\":");
        buffer_json_string(body, part.bytes, part.length);
    }
    buffer_text(body, has_text || has_html ? "}]" : "");
    buffer_release(&part);
    if (!has_text && !has_html) {
        verdict_set(
            ret_verdict, ERROR_TEMPLATE_NOT_FOUND,
            "SENDGRID_TEMPLATES has no id for templateCode \"%s\", and payloadJson has neither text nor html",
            message->template_code);
    }
    return has_text || has_html;
}

static bool build(const struct config *config, const struct message *message, struct buffer *body,
                  struct verdict *ret_verdict)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&message->id, id);
    struct text template_id;
    const bool by_template =
        template_map_find(config->sendgrid_templates, message->template_code, &template_id);

    member(body, "{\"personalizations\":[{\"to\":[{\"email\":", message->to);
    /* The Event Webhook gives custom_args back: that is how a receipt finds its message. Values are strings.
     */
    buffer_format(body, "}],\"custom_args\":{\"message_id\":\"%s\",\"attempt\":\"%d\"}", id,
                  (int)message->attempt_no);
    if (by_template) {
        buffer_text(body, ",\"dynamic_template_data\":");
        buffer_text(body, message->payload);
    }
    member(body, "}],\"from\":{\"email\":", config->email_from);
    if (*config->email_from_name) {
        member(body, ",\"name\":", config->email_from_name);
    }
    buffer_text(body, "}");
    if (message->subject) {
        member(body, ",\"subject\":", message->subject);
    }
    bool fine = true;
    if (by_template) {
        buffer_text(body, ",\"template_id\":");
        buffer_json_string(body, template_id.bytes, template_id.length);
    } else {
        fine = build_content(message, body, ret_verdict);
    }
    buffer_text(body, "}");
    return fine && provider_body_fits(body, ret_verdict);
}

/* The first of {"errors":[{"message":…,"field":…}]}; empty strings where it is not there. */
struct reason {
    char message[300];
    char field[128];
};

static struct reason read_reason(const struct provider_answer *answer)
{
    struct reason reason = {0};
    json_t *root = json_loadb(answer->body, answer->body_length, 0, NULL);
    const json_t *first = json_array_get(json_object_get(root, "errors"), 0);
    (void)snprintf(reason.message, sizeof reason.message, "%s", answer_text(first, "message"));
    (void)snprintf(reason.field, sizeof reason.field, "%s", answer_text(first, "field"));
    json_decref(root);
    return reason;
}

static bool holds(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

static enum error_code code_of_bad_request(const struct reason *reason)
{
    if (holds(reason->field, ".to") || holds(reason->message, "does not contain a valid address")) {
        return ERROR_INVALID_EMAIL;
    }
    return holds(reason->field, "template_id") ? ERROR_TEMPLATE_NOT_FOUND : ERROR_INVALID_REQUEST;
}

/* The status alone is not enough: 401 stands for a bad key and for used-up credit. */
static enum error_code code_of(int status, const struct reason *reason)
{
    switch (status) {
    case 400:
        return code_of_bad_request(reason);
    case 401:
        return holds(reason->message, "credits") ? ERROR_QUOTA_EXCEEDED : ERROR_AUTHENTICATION_FAILED;
    case 403:
        return holds(reason->message, "suspended") ? ERROR_ACCOUNT_SUSPENDED : ERROR_PERMISSION_DENIED;
    case 413:
        return ERROR_MESSAGE_TOO_LARGE;
    default:
        return verdict_of_status(status);
    }
}

/* SendGrid says when its limit ends in X-RateLimit-Reset, in Unix seconds. */
static int64_t retry_after_ms(const struct provider_answer *answer)
{
    int64_t pause_s = answer->retry_after_s;
    const char *reset = answer->header(answer->header_arg, "X-RateLimit-Reset");
    const int64_t reset_s = reset ? strtoll(reset, NULL, 10) : 0;
    const int64_t now_s = (int64_t)time(NULL);
    if (pause_s <= 0 && reset_s > now_s) {
        pause_s = reset_s - now_s;
    }
    return verdict_pause_ms(pause_s);
}

static void judge(const struct provider_answer *answer, struct verdict *ret_verdict)
{
    ret_verdict->http_status = answer->status;
    if (answer->status == 202) {
        const char *id = answer->header(answer->header_arg, "X-Message-Id");
        (void)snprintf(ret_verdict->provider_message_id, sizeof ret_verdict->provider_message_id, "%s",
                       id ? id : "");
        return;
    }
    const struct reason reason = read_reason(answer);
    verdict_set(ret_verdict, code_of(answer->status, &reason), "%s%s%s%s", reason.message,
                *reason.field ? " (" : "", reason.field, *reason.field ? ")" : "");
    if (!*ret_verdict->text) {
        verdict_set(ret_verdict, ret_verdict->code, "HTTP status %d", answer->status);
    }
    if (answer->status == 429 || answer->status >= 500) {
        ret_verdict->retry_after_ms = retry_after_ms(answer);
    }
}

const struct provider sendgrid = {
    .name = "sendgrid",
    .channel = CHANNEL_EMAIL,
    .endpoint = endpoint,
    .build = build,
    .judge = judge,
};
