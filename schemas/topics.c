#include "schemas/topics.h"

#include <stddef.h>

const struct topic_row topic_table[TOPIC_COUNT] = {
#define TOPIC(id, ...) {__VA_ARGS__},
#include "schemas/topics.def"
};

const char *topic_name(enum topic topic)
{
    return topic_table[topic].name;
}

void topics_print_markdown(FILE *out)
{
    (void)fputs("| topic | partitions | retention | schema | written by | read by | meaning |\n"
                "|---|---|---|---|---|---|---|\n",
                out);
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        const struct topic_row *row = &topic_table[i];
        (void)fprintf(out, "| `%s` | %d | %lld h | %s | %s | %s | %s |\n", row->name, row->partitions,
                      (long long)row->retention_h, row->schema, row->written_by, row->read_by, row->help);
    }
}
