#include "producer/kafka_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "producer/kafka_ends.h"

/* As long as Kafka can hold up the end of the process. */
#define TIMEOUT_MS 2000
/* A broker that has just started may not know of all topics yet. */
#define MISSING_LOOKS 3

bool kafka_look_open(struct kafka_look *look, const struct config *config, struct error *error)
{
    *look = (struct kafka_look){0};
    return topic_admin_open(&look->admin, config, "outbound-producer-look", TIMEOUT_MS, error);
}

static void forget_answer(struct kafka_look *look)
{
    free(look->seen_cluster_id);
    json_decref(look->seen_ends);
    json_decref(look->lost);
    look->seen_cluster_id = NULL;
    look->seen_ends = NULL;
    look->lost = NULL;
}

void kafka_look_close(struct kafka_look *look)
{
    forget_answer(look);
    free(look->cluster_id);
    json_decref(look->ends);
    topic_admin_close(&look->admin);
}

static const rd_kafka_metadata_topic_t *find_topic(const struct rd_kafka_metadata *metadata, const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, name) == 0) {
            return &metadata->topics[i];
        }
    }
    return NULL;
}

/* The partitions of our topics, their ends not known yet; those that have a leader are put into `ret_asked`.
 */
static json_t *partitions_of(const struct topic_admin *admin, const struct rd_kafka_metadata *metadata,
                             rd_kafka_topic_partition_list_t *ret_asked)
{
    json_t *ends = json_object();
    for (size_t i = 0; i < admin->count; i++) {
        const char *name = admin->topics[i].name;
        const rd_kafka_metadata_topic_t *topic = find_topic(metadata, name);
        if (topic && topic->err && topic->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            continue; /* nothing is known of it now */
        }
        json_t *partitions = json_array();
        for (int j = 0; topic && j < topic->partition_cnt; j++) {
            (void)json_array_append_new(partitions, json_null());
            if (topic->partitions[j].leader >= 0) { /* one without would hold up all that are asked for */
                rd_kafka_topic_partition_list_add(ret_asked, name, j)->offset = RD_KAFKA_OFFSET_END;
            }
        }
        (void)json_object_set_new(ends, name, partitions);
    }
    return ends;
}

/* NULL, with the reason, when Kafka does not answer. */
static json_t *ask_ends(struct kafka_look *look)
{
    rd_kafka_t *kafka = look->admin.kafka;
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t failure = rd_kafka_metadata(kafka, 1, NULL, &metadata, TIMEOUT_MS);
    if (failure) {
        (void)snprintf(look->why, sizeof look->why, "%s", rd_kafka_err2str(failure));
        return NULL;
    }
    rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_new(256);
    json_t *ends = partitions_of(&look->admin, metadata, asked);
    rd_kafka_metadata_destroy(metadata);
    failure = asked->cnt > 0 ? rd_kafka_offsets_for_times(kafka, asked, TIMEOUT_MS) : 0;
    for (int i = 0; !failure && i < asked->cnt; i++) {
        const rd_kafka_topic_partition_t *answer = &asked->elems[i];
        if (!answer->err && answer->offset >= 0) {
            (void)json_array_set_new(json_object_get(ends, answer->topic), (size_t)answer->partition,
                                     json_integer(answer->offset));
        }
    }
    rd_kafka_topic_partition_list_destroy(asked);
    if (failure) {
        (void)snprintf(look->why, sizeof look->why, "%s", rd_kafka_err2str(failure));
        json_decref(ends);
        return NULL;
    }
    return ends;
}

static bool is_lost(struct kafka_look *look, json_t *ends)
{
    if (look->cluster_id && look->seen_cluster_id && strcmp(look->cluster_id, look->seen_cluster_id) != 0) {
        (void)snprintf(look->why, sizeof look->why, "the cluster is %s and was %s", look->seen_cluster_id,
                       look->cluster_id);
        (void)json_array_append_new(look->lost, json_string("*"));
        (void)json_object_clear(look->seen_ends);
        return true;
    }
    switch (kafka_ends_compare(look->ends, ends, look->lost, look->why, sizeof look->why)) {
    case KAFKA_ENDS_BEHIND:
        return true;
    case KAFKA_ENDS_MISSING:
        return ++look->missing >= MISSING_LOOKS;
    case KAFKA_ENDS_FINE:
        look->missing = 0;
        break;
    }
    return false;
}

/* Where the new ones end is recorded by the next look. */
static void forget_lost_ends(struct kafka_look *look)
{
    for (size_t i = 0; i < json_array_size(look->lost); i++) {
        (void)json_object_del(look->seen_ends, json_string_value(json_array_get(look->lost, i)));
    }
}

void kafka_look(struct kafka_look *look)
{
    forget_answer(look);
    look->result = KAFKA_LOOK_UNANSWERED;
    (void)rd_kafka_poll(look->admin.kafka, 0); /* what librdkafka has to say */
    json_t *ends = ask_ends(look);
    if (!ends) {
        look->missing = 0;
        return;
    }
    /* The client knows it from the answer that it has just had. */
    char *cluster_id = rd_kafka_clusterid(look->admin.kafka, TIMEOUT_MS);
    look->seen_cluster_id = cluster_id ? memory_strdup(cluster_id) : NULL;
    rd_kafka_mem_free(look->admin.kafka, cluster_id);
    look->seen_ends = kafka_ends_merge(look->ends, ends);
    look->lost = json_array();
    look->result = KAFKA_LOOK_FINE;
    if (is_lost(look, ends)) {
        forget_lost_ends(look);
        const bool there =
            topic_admin_read(&look->admin, &look->error) && topic_admin_create(&look->admin, &look->error);
        look->missing = there ? 0 : look->missing;
        look->result = there ? KAFKA_LOOK_LOST : KAFKA_LOOK_NO_TOPICS;
    }
    json_decref(ends);
}
