#include "schemas/schema_subjects.h"

#include <string.h>

#include "schemas/registry.h"

/* The table says "DeadLetter, or …" where a topic holds something else, too. */
static bool is_schema_of(const struct topic_row *topic, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(topic->schema, name, length) == 0 &&
           (topic->schema[length] == '\0' || topic->schema[length] == ',');
}

size_t schema_topics(enum schema schema, const char *ret_topics[TOPIC_COUNT + 1])
{
    const char *name = schema_table[schema].name;
    size_t count = 0;
    for (int i = 0; i < TOPIC_COUNT; i++) {
        if (is_schema_of(&topic_table[i], name)) {
            ret_topics[count++] = topic_table[i].name;
        }
    }
    if (is_schema_of(&topic_tier_row, name)) {
        ret_topics[count++] = topic_tier_row.name;
    }
    return count;
}

bool schema_subject(enum schema schema, char ret_subject[SUBJECT_SIZE])
{
    const char *topics[TOPIC_COUNT + 1];
    if (schema_table[schema].framing != REGISTRY || schema_topics(schema, topics) != 1) {
        return false;
    }
    registry_subject(topics[0], ret_subject, SUBJECT_SIZE);
    return true;
}
