/*
 * channels.h - the channels of channels.def.
 */
#ifndef SCHEMAS_CHANNELS_H
#define SCHEMAS_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "schemas/topics.h"

enum channel {
#define CHANNEL(id, ...) CHANNEL_##id,
#include "schemas/channels.def"
#undef CHANNEL
    CHANNEL_COUNT
};

/* What the setting OUTBOUND_SENDER_CHANNEL may be. */
#define CHANNEL(id, name, label, ...) "|" label
static const char channel_choices[] =
#include "schemas/channels.def"
    ;
#undef CHANNEL
#define CHANNEL_CHOICES channel_choices

/* "EMAIL": in the API, in SQL and in records. */
const char *channel_name(enum channel channel);

/* "email": in commands, topics and metrics. */
const char *channel_label(enum channel channel);

enum topic channel_topic(enum channel channel, bool urgent);

/* By name; `length` bytes, which need no NUL. */
MUST_CHECK bool channel_find(const char *name, size_t length, enum channel *ret_channel);

/* By label, NUL-terminated. */
MUST_CHECK bool channel_find_label(const char *label, enum channel *ret_channel);

#endif
