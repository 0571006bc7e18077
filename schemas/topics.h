/*
 * topics.h - the topics of topics.def.
 */
#ifndef SCHEMAS_TOPICS_H
#define SCHEMAS_TOPICS_H

#include <stdint.h>
#include <stdio.h>

enum topic {
#define TOPIC(id, ...) TOPIC_##id,
#define TIERS(...)
#include "schemas/topics.def"
#undef TOPIC
#undef TIERS
    TOPIC_COUNT
};

/*
 * max.message.bytes that the dead-letter topic needs at least: a letter is a record with headers added, and
 * other topics take 1 MiB unless somebody has changed that.
 */
#define DLQ_MESSAGE_BYTES_MIN ((int64_t)2 * 1024 * 1024)

struct topic_row {
    const char *name;
    int partitions;
    int64_t retention_h;
    const char *schema;
    const char *written_by;
    const char *read_by;
    const char *help;
};

extern const struct topic_row topic_table[TOPIC_COUNT];
extern const struct topic_row topic_tier_row; /* of each retry tier, but for the name */

const char *topic_name(enum topic topic);

void topics_print_markdown(FILE *out);

#endif
