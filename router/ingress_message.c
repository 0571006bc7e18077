#include "router/ingress_message.h"

#include <stdio.h>
#include <string.h>

#include "schemas/deadletter.h"

static struct text header(const rd_kafka_message_t *record, const char *name)
{
    struct text text = {0};
    text.bytes = kafka_header_get(record, name, &text.length);
    return text;
}

/* What the record's value may leave out. */
static void complete(struct new_message *message, const rd_kafka_message_t *record,
                     const struct config *config, struct arena *arena)
{
    if (!message->idempotency_key.bytes) {
        message->idempotency_key = header(record, HEADER_MESSAGE_ID);
    }
    if (!message->correlation_id.bytes) {
        message->correlation_id = header(record, HEADER_CORRELATION_ID);
    }
    if (!message->correlation_id.bytes) {
        const struct uuid made = uuid_v7();
        char text[UUID_TEXT_SIZE];
        uuid_format(&made, text);
        message->correlation_id = text_of(arena_strdup(arena, text));
    }
    if (!message->org_id.bytes) {
        message->org_id = text_of(config->default_org_id);
    }
    if (!message->priority.bytes) {
        message->priority = text_of(PRIORITY_NORMAL);
    }
    if (record->key_len > 0) {
        message->ordering_key = (struct text){record->key, record->key_len};
    }
}

/* "field detail; field detail": every reason, as far as there is room. */
static void list_violations(const struct violations *violations, char *ret_reason, size_t size)
{
    size_t length = 0;
    ret_reason[0] = '\0';
    for (size_t i = 0; i < violations->count && length < size; i++) {
        const int more = snprintf(ret_reason + length, size - length, "%s%s %s", i ? "; " : "",
                                  violations->items[i].field, violations->items[i].detail);
        length += more > 0 ? (size_t)more : 0;
    }
}

enum error_code ingress_message_read(const rd_kafka_message_t *record, const struct wire_record *wire,
                                     struct request_reader *reader, const struct config *config,
                                     int64_t now_us, struct arena *arena, struct new_message *ret_message,
                                     char ret_reason[INGRESS_REASON_MAX])
{
    struct violations violations = {.arena = arena};
    enum error_code code = ERROR_NONE;
    *ret_message = (struct new_message){.id = uuid_v7()};
    if (request_reader_read(reader, wire->datum, wire->length, arena, ret_message, &violations, &code)) {
        complete(ret_message, record, config, arena);
        new_message_check(ret_message, MESSAGE_BY_KAFKA, now_us, &violations);
        new_message_limit_age(ret_message, now_us, config->message_max_age_ms);
        code = violations.count > 0 ? ERROR_INVALID_MESSAGE : ERROR_NONE;
    }
    list_violations(&violations, ret_reason, INGRESS_REASON_MAX);
    return code;
}
