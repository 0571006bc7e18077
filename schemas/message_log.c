#include "schemas/message_log.h"

#include <string.h>

#include "base/kafka.h"
#include "schemas/deadletter.h"

/* What others made up is cut, and shown only where it can do no harm to a line. */
static const char *copy(char *ret, size_t size, struct text text)
{
    if (!text.bytes || text.length >= size || !text_is_visible_ascii(text)) {
        return NULL;
    }
    memcpy(ret, text.bytes, text.length);
    ret[text.length] = '\0';
    return ret;
}

void message_fields_set(struct message_fields *fields, const struct message_ids *ids)
{
    if (ids->id) {
        uuid_format(ids->id, fields->id);
    }
    const struct log_field list[] = {
        {"correlationId", copy(fields->correlation_id, sizeof fields->correlation_id, ids->correlation_id)},
        {"orgId", copy(fields->org_id, sizeof fields->org_id, ids->org_id)},
        {"messageId", ids->id ? fields->id : NULL},
        {"channel", ids->channel},
        {"provider", ids->provider},
        {"errorCode", error_row(ids->code)->name},
        {NULL, NULL}};
    memcpy(fields->list, list, sizeof list);
}

void message_fields_of_new(struct message_fields *fields, const struct new_message *message,
                           enum error_code code)
{
    static const struct uuid none;
    const bool has_id = memcmp(&message->id, &none, sizeof none) != 0;
    enum channel channel;
    const bool has_channel =
        message->channel_name.bytes &&
        channel_find(message->channel_name.bytes, message->channel_name.length, &channel);
    message_fields_set(fields, &(struct message_ids){.id = has_id ? &message->id : NULL,
                                                     .correlation_id = message->correlation_id,
                                                     .org_id = message->org_id,
                                                     .channel = has_channel ? channel_name(channel) : NULL,
                                                     .code = code});
}

void message_fields_of_record(struct message_fields *fields, const rd_kafka_message_t *record,
                              enum error_code code)
{
    struct text correlation_id = {0};
    correlation_id.bytes = kafka_header_get(record, HEADER_CORRELATION_ID, &correlation_id.length);
    message_fields_set(fields, &(struct message_ids){.correlation_id = correlation_id, .code = code});
}

bool message_log_wants(const struct config *config, enum log_level level, bool well)
{
    const bool all = strcmp(config->log_messages, "all") == 0;
    const bool failed = strcmp(config->log_messages, "failed") == 0;
    return log_wants(level) && (all || level >= LOG_ERROR || (failed && !well));
}
