#include "router/router.h"

#include "base/clock.h"
#include "schemas/channels.h"
#include "schemas/tiers.h"

#define DIGITS_MAX 15
#define CLOCKS_DIFFER_MS 60000
/* The longest delay that OUTBOUND_RETRY_DELAYS can have is shorter: 1,000,000 hours and the jitter. */
#define DUE_MAX_MS ((int64_t)1200000 * 3600 * 1000)

bool route_due_at(const rd_kafka_message_t *record, int64_t *ret_due_at_ms)
{
    *ret_due_at_ms = 0;
    rd_kafka_headers_t *headers;
    const void *value;
    size_t length;
    if (rd_kafka_message_headers(record, &headers) ||
        rd_kafka_header_get_last(headers, HEADER_DUE_AT, &value, &length)) {
        return true;
    }
    const char *digits = value;
    int64_t due_at_ms = 0;
    for (size_t i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9' || i == DIGITS_MAX) {
            return false;
        }
        due_at_ms = due_at_ms * 10 + (digits[i] - '0');
    }
    *ret_due_at_ms = due_at_ms;
    return length > 0 && due_at_ms < clock_wall_ms() + DUE_MAX_MS;
}

int64_t route_latest_ms(const rd_kafka_message_t *record)
{
    const int64_t delay_ms = tier_delay_ms(rd_kafka_topic_name(record->rkt));
    return rd_kafka_message_timestamp(record, NULL) + delay_ms + delay_ms / 10 + CLOCKS_DIFFER_MS;
}

void route_decide(const void *bytes, size_t length, enum topic *ret_topic, enum error_code *ret_code)
{
    struct reference reference;
    enum channel channel;
    *ret_topic = TOPIC_DLQ;
    if (!reference_decode(bytes, length, &reference, ret_code)) {
        return;
    }
    if (!channel_find(reference.channel.bytes, reference.channel.length, &channel)) {
        *ret_code = ERROR_UNKNOWN_CHANNEL;
        return;
    }
    *ret_topic = channel_topic(channel, text_is(reference.priority, PRIORITY_URGENT));
    *ret_code = ERROR_NONE;
}
