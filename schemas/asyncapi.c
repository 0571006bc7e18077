#include "schemas/asyncapi.h"

#include <stddef.h>

#include "base/attributes.h"
#include "schemas/avro_schemas.h"
#include "schemas/deadletter.h"
#include "schemas/topics.h"

#define MS_PER_HOUR 3600000LL

struct header {
    const char *name; /* NULL: the end */
    const char *help;
};

static const struct header request_headers[] = {
    {"message-id", "What makes the request known when it comes again, if it has no requestId."},
    {HEADER_CORRELATION_ID,
     "Follows the message through logs and records, if the request has no correlationId."},
    {"traceparent", "W3C Trace Context: the trace in which the message is delivered."},
    {"tracestate", "What goes with it."},
    {NULL, NULL},
};

static const struct header event_headers[] = {
    {HEADER_CORRELATION_ID, "As in the value."},
    {NULL, NULL},
};

static const struct header letter_headers[] = {
    {HEADER_ERROR_CODE, "Why it was given up: a code of docs/ERRORS.md."},
    {HEADER_ERROR_MESSAGE, "The same in words, for a person."},
    {HEADER_FAILED_AT, "When it was given up, as RFC 3339 has it."},
    {HEADER_FAILED_BY, "The role that gave it up."},
    {HEADER_ATTEMPTS, "Attempts that were made, in decimal digits; of a message."},
    {HEADER_ORIGINAL_TOPIC, "Where the record was."},
    {HEADER_ORIGINAL_PARTITION, "Where the record was; of a record that could not be read."},
    {HEADER_ORIGINAL_OFFSET, "Where the record was; of a record that could not be read."},
    {HEADER_REPLAYS, "How often the record was replayed before."},
    {HEADER_OMITTED_BYTES, "How large the record was, where that was too much to be kept."},
    {HEADER_CORRELATION_ID, "As the message had it."},
    {"traceparent", "The message's trace, if it has one."},
    {"tracestate", "What goes with it."},
    {NULL, NULL},
};

/* What a record of a topic may be. */
struct message {
    const char *name;
    const char *help;
    enum schema schema; /* SCHEMA_COUNT: none, the value is any bytes */
    const char *key;
    const struct header *headers;
};

#define KINDS_MAX 2

/* The topics that are made for others. The rest are between our own roles, and may change with any release.
 */
static const struct channel {
    const char *name;
    enum topic topic;
    const char *operation;
    const char *action; /* what outbound does */
    const char *summary;
    struct message messages[KINDS_MAX];
} channels[] = {
    {"requests",
     TOPIC_REQUESTS,
     "takeRequests",
     "receive",
     "Takes messages that services publish.",
     {{"MessageRequest", "A message that a service hands over.", SCHEMA_MESSAGE_REQUEST,
       "The ordering key: messages with the same one share a partition of each topic. At most 255 bytes, or "
       "none.",
       request_headers}}},
    {"events",
     TOPIC_EVENTS,
     "tellStatus",
     "send",
     "Tells what becomes of each message.",
     {{"StatusEvent", "What became of a message.", SCHEMA_STATUS_EVENT,
       "The message's ordering key, or its id: records of a message are in order.", event_headers}}},
    {"deadLetters",
     TOPIC_DLQ,
     "giveUp",
     "send",
     "Puts aside what cannot be delivered.",
     {{"DeadLetter", "A message that was given up, and why.", SCHEMA_DEAD_LETTER,
       "The message's ordering key, or its id.", letter_headers},
      {"UnreadableRecord",
       "A record that is no valid request or cannot be read: its value, and its first 48 headers beside "
       "these, as "
       "they were. Of one of nearly 2 MB or more only its size is there.",
       SCHEMA_COUNT, "As the record had it.", letter_headers}}},
};

/* A text as YAML's double-quoted scalar; ours hold neither quotes nor backslashes. */
static void print_text(const char *indent, const char *member, const char *text, FILE *out)
{
    (void)fprintf(out, "%s%s: \"%s\"\n", indent, member, text);
}

/* A schema's JSON is YAML, too, when all its lines are indented. */
static void print_schema(enum schema schema, FILE *out)
{
    static const char indent[] = "          ";
    (void)fputs("      payload:\n"
                "        schemaFormat: \"application/vnd.apache.avro;version=1.9.0\"\n"
                "        schema:\n",
                out);
    bool line_starts = true;
    for (const char *at = avro_schema_text(schema); *at; at++) {
        if (line_starts && *at != '\n') {
            (void)fputs(indent, out);
        }
        (void)fputc(*at, out);
        line_starts = *at == '\n';
    }
    if (!line_starts) {
        (void)fputc('\n', out);
    }
}

static void print_message(const struct message *message, FILE *out)
{
    bool avro = message->schema != SCHEMA_COUNT;
    (void)fprintf(out, "    %s:\n", message->name);
    print_text("      ", "summary", message->help, out);
    print_text("      ", "contentType", avro ? "application/vnd.apache.avro" : "application/octet-stream",
               out);
    (void)fputs("      headers:\n        type: object\n        properties:\n", out);
    for (const struct header *header = message->headers; header->name; header++) {
        (void)fprintf(out, "          %s:\n            type: string\n", header->name);
        print_text("            ", "description", header->help, out);
    }
    if (avro) {
        print_schema(message->schema, out);
    }
    (void)fputs("      bindings:\n        kafka:\n          key:\n            type: string\n", out);
    print_text("            ", "description", message->key, out);
    if (avro && schema_table[message->schema].framing == REGISTRY) {
        (void)fputs("          schemaIdLocation: payload\n"
                    "          schemaIdPayloadEncoding: confluent\n"
                    "          schemaLookupStrategy: TopicNameStrategy\n",
                    out);
    }
    (void)fputs("          bindingVersion: \"0.5.0\"\n", out);
}

static void print_channel(const struct channel *channel, FILE *out)
{
    const struct topic_row *topic = &topic_table[channel->topic];
    (void)fprintf(out, "  %s:\n    address: %s\n", channel->name, topic->name);
    print_text("    ", "description", topic->help, out);
    (void)fputs("    messages:\n", out);
    for (size_t i = 0; i < KINDS_MAX && channel->messages[i].name; i++) {
        const char *name = channel->messages[i].name;
        (void)fprintf(out, "      %s:\n        $ref: \"#/components/messages/%s\"\n", name, name);
    }
    (void)fprintf(out,
                  "    bindings:\n"
                  "      kafka:\n"
                  "        topic: %s\n"
                  "        partitions: %d\n"
                  "        topicConfiguration:\n"
                  "          cleanup.policy: [delete]\n"
                  "          retention.ms: %lld\n"
                  "        bindingVersion: \"0.5.0\"\n",
                  topic->name, topic->partitions, (long long)topic->retention_h * MS_PER_HOUR);
}

static void print_operation(const struct channel *channel, FILE *out)
{
    (void)fprintf(out, "  %s:\n    action: %s\n    channel:\n      $ref: \"#/channels/%s\"\n",
                  channel->operation, channel->action, channel->name);
    print_text("    ", "summary", channel->summary, out);
}

void asyncapi_print(FILE *out)
{
    (void)fputs("# Generated from schemas/topics.def and schemas/avro by `./dev docs`.\n"
                "asyncapi: 3.0.0\n"
                "info:\n"
                "  title: outbound\n"
                "  version: \"1\"\n"
                "  description: |\n"
                "    Services hand messages over by publishing to outbound.requests, and learn from "
                "outbound.events what\n"
                "    became of them; what nothing can deliver is put into outbound.dlq. docs/upstream.md "
                "explains it, with\n"
                "    examples. Other topics named outbound.* are between the roles of outbound itself: "
                "nobody else may\n"
                "    write to them or rely on what is in them.\n"
                "\n"
                "    Before the datum of a request or an event stand a zero byte and the schema's id in the "
                "registry,\n"
                "    four bytes, big-endian. Dead letters, and all records where there is no registry, are "
                "in Avro's\n"
                "    single-object encoding: C3 01, the schema's CRC-64-AVRO fingerprint, eight bytes, "
                "little-endian.\n"
                "channels:\n",
                out);
    for (size_t i = 0; i < COUNT_OF(channels); i++) {
        print_channel(&channels[i], out);
    }
    (void)fputs("operations:\n", out);
    for (size_t i = 0; i < COUNT_OF(channels); i++) {
        print_operation(&channels[i], out);
    }
    (void)fputs("components:\n  messages:\n", out);
    for (size_t i = 0; i < COUNT_OF(channels); i++) {
        for (size_t k = 0; k < KINDS_MAX && channels[i].messages[k].name; k++) {
            print_message(&channels[i].messages[k], out);
        }
    }
}
