#include "router/router.h"
#include "schemas/channels.h"

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
