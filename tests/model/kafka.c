/*
 * A Kafka cluster: the logs of its partitions. Who reads them is in groups.c, who writes them in
 * kafka_producer.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "schemas/letter_record.h"
#include "tests/model/groups.h"
#include "tests/model/invariants.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

static struct topic_log topics[TOPICS_MAX];
static size_t topic_count;
static bool cluster_is_up;
static char cluster_id[16];
static unsigned clusters;

static void next_cluster(void)
{
    (void)snprintf(cluster_id, sizeof cluster_id, "cluster-%u", ++clusters);
}

void kafka_reset(void)
{
    memset(topics, 0, sizeof topics);
    topic_count = 0;
    cluster_is_up = true;
    clusters = 0;
    next_cluster();
    groups_reset();
    kafka_producers_reset();
}

struct topic_log *kafka_topic(const char *name)
{
    for (size_t i = 0; i < topic_count; i++) {
        if (strcmp(topics[i].name, name) == 0) {
            return &topics[i];
        }
    }
    if (topic_count == TOPICS_MAX) {
        abort();
    }
    topics[topic_count] = (struct topic_log){.name = world_copy(name, strlen(name))};
    return &topics[topic_count++];
}

size_t kafka_topic_count(void)
{
    return topic_count;
}

struct topic_log *kafka_topic_at(size_t index)
{
    return &topics[index];
}

void kafka_write(struct topic_log *topic, int64_t partition, struct record *record)
{
    struct log_of_partition *log = &topic->partitions[partition];
    if (log->count == log->room) {
        log->room = log->room ? log->room * 2 : 16;
        struct record **larger = world_alloc((size_t)log->room * sizeof(struct record *));
        if (log->count > 0) {
            memcpy(larger, log->records, (size_t)log->count * sizeof(struct record *));
        }
        log->records = larger;
    }
    record->timestamp_ms = world_wall_us() / 1000;
    log->records[log->count++] = record;
    char id[UUID_TEXT_SIZE];
    uuid_format(&record->id, id);
    tell("Kafka: %s [%d] has …%s fence %d at %lld", topic->name, (int)partition, id + 28, (int)record->fence,
         (long long)log->count - 1);
    members_wake(topic);
}

struct record *kafka_record(const struct kafka_record_out *out)
{
    struct record *record = WORLD_NEW(struct record);
    record->key = world_copy(out->key, out->key_length);
    record->key_length = out->key_length;
    record->value = world_copy(out->value, out->value_length);
    record->value_length = out->value_length;
    for (const struct kafka_header *header = out->headers; header && header->name; header++) {
        if (header->value && record->header_count < RECORD_HEADERS_MAX) {
            record->headers[record->header_count++] =
                (struct kafka_header){world_copy(header->name, strlen(header->name)),
                                      world_copy(header->value, header->length), header->length};
        }
    }
    struct reference reference;
    enum error_code code;
    if (letter_or_reference_decode(record->value, record->value_length, &reference, &code)) {
        record->id = reference.id;
        record->fence = reference.fence;
    }
    return record;
}

/* As librdkafka's partitioner `consistent` does it. */
int64_t kafka_partition(const struct kafka_record_out *out)
{
    return out->by_key ? (int64_t)(crc32(0, out->key, (uInt)out->key_length) % PARTITIONS)
                       : (int64_t)chance(PARTITIONS);
}

struct record *kafka_append(const struct kafka_record_out *out)
{
    struct record *record = kafka_record(out);
    kafka_write(kafka_topic(out->topic), kafka_partition(out), record);
    return record;
}

const char *kafka_cluster_id(void)
{
    return cluster_id;
}

void kafka_wipe(void)
{
    tell("Kafka is another one, and empty");
    for (size_t i = 0; i < topic_count; i++) {
        for (int p = 0; p < PARTITIONS; p++) {
            for (int64_t r = 0; r < topics[i].partitions[p].count; r++) {
                topics[i].partitions[p].records[r]->lost = true;
            }
            topics[i].partitions[p] = (struct log_of_partition){0};
            topics[i].committed[p] = 0;
            topics[i].mark[p][0] = '\0';
        }
    }
    next_cluster();
    invariant_kafka_wiped();
    groups_end();
}

void kafka_lose_records(void)
{
    if (topic_count == 0) {
        return;
    }
    struct topic_log *topic = &topics[chance(topic_count)];
    const size_t partition = chance(PARTITIONS);
    struct log_of_partition *log = &topic->partitions[partition];
    for (int64_t i = topic->committed[partition]; i < log->count; i++) {
        log->records[i]->lost = true;
        invariant_record_lost(log->records[i]);
    }
    tell("Kafka: %s [%d] loses what nobody has committed", topic->name, (int)partition);
}

void kafka_set_up(bool up)
{
    tell("Kafka %s", up ? "is up" : "goes down");
    cluster_is_up = up;
    if (up) {
        members_wake(NULL);
    }
}

bool kafka_is_up(void)
{
    return cluster_is_up;
}
