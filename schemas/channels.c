#include "schemas/channels.h"

#include <string.h>

static const struct {
    const char *name;
    const char *label;
    enum topic topic;
    enum topic urgent_topic;
} channels[] = {
#define CHANNEL(id, name, label, topic, urgent_topic, ...) {name, label, topic, urgent_topic},
#include "schemas/channels.def"
};

const char *channel_name(enum channel channel)
{
    return channels[channel].name;
}

const char *channel_label(enum channel channel)
{
    return channels[channel].label;
}

enum topic channel_topic(enum channel channel, bool urgent)
{
    return urgent ? channels[channel].urgent_topic : channels[channel].topic;
}

bool channel_find(const char *name, size_t length, enum channel *ret_channel)
{
    for (size_t i = 0; i < CHANNEL_COUNT; i++) {
        if (strlen(channels[i].name) == length && memcmp(channels[i].name, name, length) == 0) {
            *ret_channel = (enum channel)i;
            return true;
        }
    }
    return false;
}

bool channel_find_label(const char *label, enum channel *ret_channel)
{
    for (size_t i = 0; i < CHANNEL_COUNT; i++) {
        if (strcmp(channels[i].label, label) == 0) {
            *ret_channel = (enum channel)i;
            return true;
        }
    }
    return false;
}
