#include "senders/smtp/smtp.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/ca_file.h"
#include "schemas/address.h"
#include "senders/mailbox.h"
#include "senders/payload_text.h"
#include "senders/smtp/mime.h"
#include "senders/smtp/replies.h"

static bool check_part(CURLU *url, CURLUPart part, bool wanted)
{
    char *value = NULL;
    (void)curl_url_get(url, part, &value, 0);
    const bool there = value && *value;
    curl_free(value);
    return there == wanted;
}

/* smtp://host:port or smtps://…, with or without a path (the name for EHLO), and nothing else. */
static bool check_url(const char *text, struct error *error)
{
    if (!*text) {
        return error_set(error, "SMTP_URL: is required to send e-mail by SMTP");
    }
    CURLU *url = curl_url();
    const bool scheme = strncmp(text, "smtp://", 7) == 0 || strncmp(text, "smtps://", 8) == 0;
    const bool fine = scheme && !strpbrk(text, " \r\n") &&
                      curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                      check_part(url, CURLUPART_HOST, true) && check_part(url, CURLUPART_USER, false) &&
                      check_part(url, CURLUPART_PASSWORD, false) && check_part(url, CURLUPART_QUERY, false) &&
                      check_part(url, CURLUPART_FRAGMENT, false);
    curl_url_cleanup(url);
    /* A password in it must not come into a log. */
    return fine || error_set(error, "SMTP_URL: is not of the form smtp://host:port or smtps://host:port "
                                    "(user and password have settings of their own)");
}

static bool check_login(const struct config *config, struct error *error)
{
    if (!*config->smtp_username != !*config->smtp_password) {
        return error_set(error, "%s: is missing; SMTP_USERNAME and SMTP_PASSWORD belong together",
                         *config->smtp_username ? "SMTP_PASSWORD" : "SMTP_USERNAME");
    }
    if (strpbrk(config->smtp_username, "\r\n") || strpbrk(config->smtp_password, "\r\n")) {
        return error_set(error, "SMTP_USERNAME, SMTP_PASSWORD: must not contain line ends");
    }
    if (*config->smtp_password && strcmp(config->smtp_tls, "opportunistic") == 0) {
        return error_set(error, "SMTP_TLS: is opportunistic, so that anybody on the way could read "
                                "SMTP_PASSWORD; make it required, or none where the way is trusted");
    }
    return true;
}

static bool check_tls(const struct config *config, struct error *error)
{
    if (strncmp(config->smtp_url, "smtps:", 6) == 0 && strcmp(config->smtp_tls, "required") != 0) {
        return error_set(error, "SMTP_TLS: is %s, but smtps:// in SMTP_URL means required", config->smtp_tls);
    }
    return ca_file_check("SMTP_CA_FILE", config->smtp_ca_file, error);
}

static bool check_from(const struct config *config, struct error *error)
{
    if (!mailbox_check_sender(config, error)) {
        return false;
    }
    json_t *name = json_string(config->email_from_name); /* NULL unless it is valid UTF-8 */
    const bool utf8 = name != NULL;
    json_decref(name);
    for (const char *at = config->email_from_name; *at; at++) {
        if (!utf8 || (unsigned char)*at < 0x20 || *at == 0x7f) {
            return error_set(error, "OUTBOUND_EMAIL_FROM_NAME: must be UTF-8 without control characters");
        }
    }
    return true;
}

static enum smtp_tls tls_of(const char *text)
{
    if (strcmp(text, "required") == 0) {
        return SMTP_TLS_REQUIRED;
    }
    return strcmp(text, "none") == 0 ? SMTP_TLS_NONE : SMTP_TLS_OPPORTUNISTIC;
}

static bool endpoint(const struct config *config, struct endpoint *ret_endpoint, struct error *error)
{
    if (!check_url(config->smtp_url, error) || !check_login(config, error) || !check_tls(config, error) ||
        !check_from(config, error)) {
        return false;
    }
    *ret_endpoint = (struct endpoint){.max_connections = (size_t)config->smtp_max_connections,
                                      .mail = {.url = config->smtp_url,
                                               .tls = tls_of(config->smtp_tls),
                                               .username = config->smtp_username,
                                               .password = config->smtp_password,
                                               .ca_file = config->smtp_ca_file}};
    return true;
}

/* `name` of the payload, in `room`; without bytes when it is not there. */
static struct text payload_part(const struct message *message, const char *name, struct buffer *room)
{
    buffer_init(room, strlen(message->payload));
    return payload_text(message->payload, name, room) ? (struct text){room->bytes, room->length}
                                                      : (struct text){NULL, 0};
}

static bool build(const struct config *config, const struct message *message, struct buffer *body,
                  struct verdict *ret_verdict)
{
    const char *problem = address_check_email(message->to, strlen(message->to));
    if (problem) {
        verdict_set(ret_verdict, ERROR_INVALID_EMAIL, "\"%s\" %s", message->to, problem);
        return false;
    }
    char id[UUID_TEXT_SIZE];
    uuid_format(&message->id, id);
    char message_id[UUID_TEXT_SIZE + 16];
    (void)snprintf(message_id, sizeof message_id, "%s.%d", id, (int)message->attempt_no);

    struct buffer text;
    struct buffer html;
    const struct mime_mail mail = {.from = config->email_from,
                                   .from_name = config->email_from_name,
                                   .to = message->to,
                                   .subject = message->subject ? message->subject : "",
                                   .message_id = message_id,
                                   .date = time(NULL),
                                   .text = payload_part(message, "text", &text),
                                   .html = payload_part(message, "html", &html)};
    const bool has_content = mail.text.bytes || mail.html.bytes;
    if (has_content) {
        mime_write(&mail, body);
    } else {
        verdict_set(ret_verdict, ERROR_TEMPLATE_NOT_FOUND,
                    "SMTP has no templates, and payloadJson has neither text nor html");
    }
    buffer_release(&text);
    buffer_release(&html);
    if (body->overflow) {
        verdict_set(ret_verdict, ERROR_MESSAGE_TOO_LARGE, "the mail would be larger than this sender allows");
    }
    return has_content && !body->overflow;
}

static void judge(const struct provider_answer *answer, struct verdict *ret_verdict)
{
    char text[VERDICT_TEXT_MAX];
    (void)snprintf(text, sizeof text, "%.*s", (int)answer->body_length, answer->body);
    ret_verdict->http_status = answer->status;
    const enum error_code code = smtp_reply_judge(answer->status, text);
    if (code == ERROR_NONE) {
        (void)snprintf(ret_verdict->provider_message_id, sizeof ret_verdict->provider_message_id, "%s",
                       smtp_reply_words(answer->status, text));
    } else {
        verdict_set(ret_verdict, code, "%d %s", answer->status, text);
    }
}

const struct provider smtp = {
    .name = "smtp",
    .channel = CHANNEL_EMAIL,
    .by_smtp = true,
    .endpoint = endpoint,
    .build = build,
    .judge = judge,
};
