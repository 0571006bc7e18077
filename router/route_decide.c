#include "router/router.h"

#include <string.h>

#include "base/clock.h"
#include "schemas/channels.h"
#include "schemas/letter_record.h"
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

/* A caller that cares for order gives a key of its own; otherwise the key is the message's id. */
static bool key_is_id(const rd_kafka_message_t *record, const struct uuid *id)
{
    struct uuid key;
    return record->key_len == 0 ||
           (uuid_parse(record->key, record->key_len, &key) && memcmp(&key, id, sizeof key) == 0);
}

struct route route_decide(const rd_kafka_message_t *record)
{
    struct route route = {.topic = TOPIC_DLQ};
    struct reference reference;
    enum channel channel;
    if (!letter_or_reference_decode(record->payload, record->len, &reference, &route.code)) {
        return route;
    }
    if (!channel_find(reference.channel.bytes, reference.channel.length, &channel)) {
        route.code = ERROR_UNKNOWN_CHANNEL;
        return route;
    }
    route.code = ERROR_NONE;
    route.message_id = reference.id;
    route.topic = channel_topic(channel, text_is(reference.priority, PRIORITY_URGENT));
    route.by_key = !key_is_id(record, &reference.id);
    return route;
}
