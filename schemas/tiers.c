#include "schemas/tiers.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "schemas/topics.h"

/* A tenth at most, in as many steps as there are partitions. */
#define JITTER_DIVISOR 10

static int32_t partitions(const struct config *config)
{
    return config->kafka_partitions ? (int32_t)config->kafka_partitions : topic_tier_row.partitions;
}

bool tier_topic(const char *topic)
{
    return strncmp(topic, TIER_TOPIC_PREFIX, strlen(TIER_TOPIC_PREFIX)) == 0;
}

int64_t tier_delay_ms(const char *topic)
{
    const char *at = topic + strlen(TIER_TOPIC_PREFIX);
    int64_t delay_ms = 0;
    return tier_topic(topic) && config_parse_delay(&at, &delay_ms) && *at == '\0' ? delay_ms : 0;
}

/* As librdkafka's partitioner `consistent` does it with the record's key. */
static int32_t partition_of(const struct config *config, const struct uuid *id)
{
    char key[UUID_TEXT_SIZE];
    uuid_format(id, key);
    const uLong hash = crc32(0, (const Bytef *)key, UUID_TEXT_SIZE - 1);
    return (int32_t)(hash % (uLong)partitions(config));
}

/* In the largest unit that fits: "90s", "2m", "1h". */
static void name_topic(struct tier *tier)
{
    const int64_t s = tier->delay_ms / 1000;
    const char *name = TIER_TOPIC_PREFIX;
    if (tier->delay_ms % 1000) {
        (void)snprintf(tier->topic, sizeof tier->topic, "%s%lldms", name, (long long)tier->delay_ms);
    } else if (s % 60) {
        (void)snprintf(tier->topic, sizeof tier->topic, "%s%llds", name, (long long)s);
    } else if (s % 3600) {
        (void)snprintf(tier->topic, sizeof tier->topic, "%s%lldm", name, (long long)s / 60);
    } else {
        (void)snprintf(tier->topic, sizeof tier->topic, "%s%lldh", name, (long long)s / 3600);
    }
}

static void insert(struct tiers *tiers, int64_t delay_ms)
{
    size_t at = tiers->count;
    while (at > 0 && tiers->tier[at - 1].delay_ms >= delay_ms) {
        at--;
    }
    if (at < tiers->count && tiers->tier[at].delay_ms == delay_ms) {
        return;
    }
    memmove(&tiers->tier[at + 1], &tiers->tier[at], (tiers->count - at) * sizeof *tiers->tier);
    tiers->tier[at].delay_ms = delay_ms;
    name_topic(&tiers->tier[at]);
    tiers->count++;
}

void tiers_of(const struct config *config, struct tiers *ret_tiers)
{
    *ret_tiers = (struct tiers){0};
    const int count = config_retry_delay_count(config);
    for (int i = 1; i <= count; i++) {
        const int64_t delay_ms = config_retry_delay_ms(config, i);
        if (delay_ms >= TIER_DELAY_MIN_MS) {
            insert(ret_tiers, delay_ms);
        }
    }
}

static const struct tier *first_not_earlier(const struct tiers *tiers, int64_t delay_ms)
{
    for (size_t i = 0; i < tiers->count && delay_ms >= TIER_DELAY_MIN_MS; i++) {
        if (tiers->tier[i].delay_ms >= delay_ms) {
            return &tiers->tier[i];
        }
    }
    return NULL;
}

struct wait tiers_wait(const struct tiers *tiers, const struct config *config, const struct uuid *id,
                       int64_t delay_ms)
{
    const struct tier *tier = first_not_earlier(tiers, delay_ms);
    const int64_t least_ms = tier ? tier->delay_ms : delay_ms;
    const int64_t jitter_ms =
        least_ms * partition_of(config, id) / ((int64_t)partitions(config) * JITTER_DIVISOR);
    return (struct wait){.topic = tier ? tier->topic : topic_name(TOPIC_ACCEPTED),
                         .delay_ms = least_ms + jitter_ms,
                         .hold_ms = tier ? 0 : least_ms + jitter_ms};
}
