#include "sandbox/proof/load_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "schemas/avro_write.h"
#include "schemas/wire.h"

#define TEMPLATE_CODE "proof" /* bears no template: the text itself is sent */

/* Parts of texts that somebody has broken somewhere. */
static const char *const parts[] = {
    "\"quoted\" and \\ slashed", "two\nlines",   "100 % & more + <b>",  "Grüße, žluťoučký kůň",
    "€ 4,711.00; a=b",           "message 🙂", "{\"json\":[1,null]}", "%41%00 {{name}} $1",
};

void load_message_subject(const char *key, char *ret_subject, size_t size)
{
    (void)snprintf(ret_subject, size, "Proof %s", key);
}

void load_message_make(const struct load_options *options, int64_t number, struct load_message *ret_message)
{
    struct load_message *message = ret_message;
    memset(message, 0, sizeof *message);
    message->channel = options->channels[(size_t)(number - 1) % options->channel_count];
    message->dossier_id = number;
    message->schema_id = (int32_t)options->schema_id;
    (void)snprintf(message->key, sizeof message->key, "%s-%" PRId64, options->name, number);
    char seeded[LOAD_KEY_SIZE + 24];
    (void)snprintf(seeded, sizeof seeded, "%s/%" PRId64, message->key, options->seed);
    unsigned char dice[DIGEST_SIZE];
    digest_sha256(seeded, strlen(seeded), dice);
    if (message->channel == CHANNEL_EMAIL) {
        (void)snprintf(message->to, sizeof message->to, "n%" PRId64 ".%02x%02x%02x%02x@%s.example", number,
                       dice[0], dice[1], dice[2], dice[3], "proof");
    } else {
        (void)snprintf(message->to, sizeof message->to, "+49%03d%09" PRId64, 100 + dice[0], number);
    }
    load_message_subject(message->key, message->subject, sizeof message->subject);
    (void)snprintf(message->text, sizeof message->text, "%s %02x%02x%02x%02x%02x%02x %s", message->key,
                   dice[4], dice[5], dice[6], dice[7], dice[8], dice[9], parts[dice[10] % COUNT_OF(parts)]);
}

static void member(struct buffer *into, const char *before, const char *value)
{
    buffer_text(into, before);
    buffer_json_string(into, value, strlen(value));
}

static void put_payload(const struct load_message *message, struct buffer *into)
{
    member(into, "{\"text\":", message->text);
    buffer_text(into, "}");
}

void load_message_json(const struct load_message *message, struct buffer *into)
{
    buffer_format(into, "{\"dossierId\":%" PRId64, message->dossier_id);
    member(into, ",\"channel\":", channel_name(message->channel));
    member(into, ",\"to\":", message->to);
    buffer_text(into, ",\"templateCode\":\"" TEMPLATE_CODE "\"");
    if (message->channel == CHANNEL_EMAIL) {
        member(into, ",\"subject\":", message->subject);
    }
    buffer_text(into, ",\"payloadJson\":");
    put_payload(message, into);
    buffer_text(into, "}");
}

void load_message_avro(const struct load_message *message, struct buffer *into)
{
    const bool email = message->channel == CHANNEL_EMAIL;
    struct buffer payload;
    buffer_init(&payload, 4096);
    put_payload(message, &payload);
    wire_put_header(into, SCHEMA_MESSAGE_REQUEST, message->schema_id);
    avro_put_nullable_string(into, text_of(message->key));
    avro_put_string(into, text_of(LOAD_SOURCE));
    avro_put_nullable_string(into, (struct text){0}); /* orgId */
    avro_put_long(into, message->dossier_id);
    avro_put_string(into, text_of(channel_name(message->channel)));
    avro_put_string(into, text_of(message->to));
    avro_put_string(into, text_of(TEMPLATE_CODE));
    avro_put_nullable_string(into, text_of(email ? message->subject : NULL));
    avro_put_string(into, (struct text){payload.bytes, payload.length});
    avro_put_nullable_string(into, (struct text){0}); /* priority */
    avro_put_nullable_long(into, 0);                  /* expiresAt */
    avro_put_nullable_string(into, (struct text){0}); /* correlationId */
    buffer_release(&payload);
}
