#include "schemas/topics.h"

#include <stddef.h>

const struct topic_row topic_table[TOPIC_COUNT] = {
#define TOPIC(id, ...) {__VA_ARGS__},
#define TIERS(...)
#include "schemas/topics.def"
#undef TOPIC
#undef TIERS
};

const struct topic_row topic_tier_row =
#define TOPIC(id, ...)
#define TIERS(...)  \
    {               \
        __VA_ARGS__ \
    }
#include "schemas/topics.def"
    ;

const char *topic_name(enum topic topic)
{
    return topic_table[topic].name;
}

static void print_row(const struct topic_row *row, FILE *out)
{
    (void)fprintf(out, "| `%s` | %d | %lld h | %s | %s | %s | %s |\n", row->name, row->partitions,
                  (long long)row->retention_h, row->schema, row->written_by, row->read_by, row->help);
}

void topics_print_markdown(FILE *out)
{
    (void)fputs("| topic | partitions | retention | schema | written by | read by | meaning |\n"
                "|---|---|---|---|---|---|---|\n",
                out);
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        print_row(&topic_table[i], out);
    }
    print_row(&topic_tier_row, out);
}
