/*
 * The JSON that a caller posts. What is taken is fit to be stored, and each provider of its channel makes a
 * request of it or says why it cannot.
 */
#include <string.h>

#include "producer/message_request.h"
#include "sandbox/form.h"
#include "senders/provider.h"
#include "senders/sendgrid/sendgrid.h"
#include "senders/ses/ses.h"
#include "senders/smtp/smtp.h"
#include "senders/sns/sns.h"
#include "senders/twilio/twilio.h"
#include "senders/whatsapp/whatsapp.h"
#include "tests/fuzz/targets.h"

#define REQUEST_MAX ((size_t)4 * 1024 * 1024)

/* "t" is the code of a template with every provider that has templates. */
static const struct config config = {.email_from = "from@example.com",
                                     .email_from_name = "Ada \"L\"",
                                     .sendgrid_templates = "t=d-1",
                                     .ses_templates = "t=welcome",
                                     .ses_configuration_set = "",
                                     .sns_sender_id = "",
                                     .sns_sms_type = "Transactional",
                                     .twilio_from_number = "+15017122661",
                                     .twilio_messaging_service_sid = "",
                                     .twilio_status_callback_url = "https://example.com/status",
                                     .whatsapp_templates = "t=welcome:en_US"};

static void must_be_json(const struct buffer *body)
{
    json_t *root = json_loadb(body->bytes, body->length, JSON_REJECT_DUPLICATES, NULL);
    must(json_is_object(root));
    json_decref(root);
}

static void must_be_form(const struct buffer *body)
{
    struct arena arena = {NULL};
    struct form form;
    must(form_parse(body->bytes, body->length, &arena, &form));
    arena_release(&arena);
}

/* 7-bit, lines with CRLF and of no more than 998 bytes. */
static void must_be_mail(const struct buffer *body)
{
    size_t line = 0;
    for (size_t i = 0; i < body->length; i++) {
        const char byte = body->bytes[i];
        must(byte && !(byte & 0x80));
        if (byte == '\n') {
            must(i > 0 && body->bytes[i - 1] == '\r');
            line = 0;
        } else {
            line += byte != '\r';
            must(line <= 998);
        }
    }
}

static const struct {
    const struct provider *provider;
    void (*must_be)(const struct buffer *body);
} drivers[] = {
    {&sendgrid, must_be_json}, {&ses, must_be_json},    {&smtp, must_be_mail},
    {&sns, must_be_form},      {&twilio, must_be_form}, {&whatsapp, must_be_json},
};

static const char *copy(struct arena *arena, struct text text)
{
    return text.bytes ? arena_copy(arena, text.bytes, text.length) : NULL;
}

static void try_providers(const struct new_message *taken, struct arena *arena)
{
    const struct message message = {.id = taken->id,
                                    .attempt_no = 1,
                                    .org_id = "org",
                                    .to = copy(arena, taken->to),
                                    .template_code = copy(arena, taken->template_code),
                                    .subject = copy(arena, taken->subject),
                                    .payload = copy(arena, taken->payload),
                                    .correlation_id = "c"};
    for (size_t i = 0; i < COUNT_OF(drivers); i++) {
        struct buffer body;
        struct verdict verdict = {0};
        if (drivers[i].provider->channel != taken->channel) {
            continue;
        }
        buffer_init(&body, REQUEST_MAX);
        if (drivers[i].provider->build(&config, &message, &body, &verdict)) {
            must(verdict.code == ERROR_NONE);
            drivers[i].must_be(&body);
        } else {
            must(verdict.code != ERROR_NONE && *verdict.text);
            must_be_storable(verdict.text, strlen(verdict.text));
        }
        buffer_release(&body);
    }
}

static void must_be_good(const struct new_message *message)
{
    const struct text texts[] = {message->channel_name, message->to,       message->template_code,
                                 message->subject,      message->priority, message->payload};
    must(message->channel < CHANNEL_COUNT && message->has_request_hash);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        must(!texts[i].bytes || !memchr(texts[i].bytes, '\0', texts[i].length));
        must(!texts[i].bytes || utf8_is_valid(texts[i].bytes, texts[i].length));
    }
}

int fuzz_message(const uint8_t *bytes, size_t length)
{
    struct arena arena = {NULL};
    struct violations violations = {.arena = &arena};
    struct new_message message = {.channel = CHANNEL_COUNT,
                                  .org_id = text_of("org"),
                                  .correlation_id = text_of("c"),
                                  .idempotency_key = text_of("key"),
                                  .source = text_of(MESSAGE_SOURCE_HTTP),
                                  .priority = text_of(PRIORITY_NORMAL)};
    message_request_parse((const char *)bytes, length, &arena, &message, &violations);
    if (violations.count == 0) {
        new_message_check(&message, MESSAGE_BY_HTTP, 1, &violations);
    }
    for (size_t i = 0; i < violations.count; i++) { /* they are the answer */
        must(utf8_is_valid(violations.items[i].field, strlen(violations.items[i].field)));
        must_be_storable(violations.items[i].detail, strlen(violations.items[i].detail));
    }
    if (violations.count == 0) {
        must_be_good(&message);
        try_providers(&message, &arena);
    }
    arena_release(&arena);
    return 0;
}
