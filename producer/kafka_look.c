#include "producer/kafka_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "producer/kafka_ends.h"

/*
 * Together less than the silence after which another producer looks (schemas/rebuild.c), and as long as Kafka
 * can hold up the end of the process: all questions, and the creation of topics.
 */
#define QUESTIONS_MS 4000
#define CREATION_MS 2000
/* A broker that has just started may not know of all topics yet. */
#define MISSING_LOOKS 3
/*
 * Of looks at a Kafka where all is well, one in so many asks for cluster and partitions, too; the others for
 * ends alone: two requests instead of twenty. What they find amiss is asked for in full at once.
 */
#define PARTITIONS_EVERY 5

bool kafka_look_open(struct kafka_look *look, const struct config *config, struct error *error)
{
    *look = (struct kafka_look){0};
    if (!topic_admin_open(&look->admin, config, "outbound-producer-look", CREATION_MS, error)) {
        return false;
    }
    for (size_t i = 0; i < look->admin.count; i++) {
        look->topics[i] = rd_kafka_topic_new(look->admin.kafka, look->admin.topics[i].name, NULL);
    }
    return true;
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

static void forget_partitions(struct kafka_look *look)
{
    if (look->partitions) {
        rd_kafka_topic_partition_list_destroy(look->partitions);
    }
    json_decref(look->unasked);
    look->partitions = NULL;
    look->unasked = NULL;
}

static void keep_partitions(struct kafka_look *look, const rd_kafka_topic_partition_list_t *asked,
                            json_t *ends)
{
    look->partitions = rd_kafka_topic_partition_list_copy(asked);
    look->unasked = json_deep_copy(ends);
    look->looks = 0;
}

void kafka_look_close(struct kafka_look *look)
{
    forget_answer(look);
    forget_partitions(look);
    free(look->cluster_id);
    json_decref(look->ends);
    for (size_t i = 0; i < look->admin.count && look->topics[i]; i++) {
        rd_kafka_topic_destroy(look->topics[i]);
    }
    topic_admin_close(&look->admin);
}

static int rest_ms(int64_t until_ms)
{
    const int64_t rest = until_ms - clock_monotonic_ms();
    return rest > 1 ? (int)rest : 1;
}

/* Its partitions, their ends not known yet; those that have a leader are put into `asked`. */
static json_t *partitions_of(const rd_kafka_metadata_topic_t *topic, rd_kafka_topic_partition_list_t *asked)
{
    json_t *partitions = json_array();
    for (int i = 0; i < topic->partition_cnt; i++) {
        (void)json_array_append_new(partitions, json_null());
        if (topic->partitions[i].leader >= 0) { /* one without would hold up all that are asked for */
            rd_kafka_topic_partition_list_add(asked, topic->topic, i)->offset = RD_KAFKA_OFFSET_END;
        }
    }
    return partitions;
}

/*
 * By name, as there may be thousands of others; and one by one: of several, librdkafka 2.0.2 asks in a way
 * that lets the broker create what is missing.
 */
static rd_kafka_resp_err_t ask_partitions(struct kafka_look *look, json_t *ends,
                                          rd_kafka_topic_partition_list_t *asked, int64_t until_ms)
{
    for (size_t i = 0; i < look->admin.count; i++) {
        const struct rd_kafka_metadata *metadata;
        const rd_kafka_resp_err_t failure =
            rd_kafka_metadata(look->admin.kafka, 0, look->topics[i], &metadata, rest_ms(until_ms));
        if (failure) {
            return failure;
        }
        const rd_kafka_metadata_topic_t *topic = metadata->topic_cnt > 0 ? &metadata->topics[0] : NULL;
        if (topic && (!topic->err || topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)) {
            (void)json_object_set_new(ends, look->admin.topics[i].name, partitions_of(topic, asked));
        } else {
            (void)snprintf(look->unknown, sizeof look->unknown, "%s: %s", look->admin.topics[i].name,
                           topic ? rd_kafka_err2str(topic->err) : "no answer");
        }
        rd_kafka_metadata_destroy(metadata);
    }
    return 0;
}

static rd_kafka_resp_err_t ask_ends(struct kafka_look *look, json_t *ends,
                                    rd_kafka_topic_partition_list_t *asked, int64_t until_ms)
{
    const rd_kafka_resp_err_t failure =
        asked->cnt > 0 ? rd_kafka_offsets_for_times(look->admin.kafka, asked, rest_ms(until_ms)) : 0;
    for (int i = 0; !failure && i < asked->cnt; i++) {
        const rd_kafka_topic_partition_t *answer = &asked->elems[i];
        if (!answer->err && answer->offset >= 0) {
            (void)json_array_set_new(json_object_get(ends, answer->topic), (size_t)answer->partition,
                                     json_integer(answer->offset));
        }
    }
    return failure;
}

/* Else the next look is to find those that come: a partition's leader, a topic. */
static bool all_are_asked(json_t *ends, const rd_kafka_topic_partition_list_t *asked)
{
    size_t count = 0;
    const char *topic;
    json_t *partitions;
    json_object_foreach (ends, topic, partitions) {
        count += json_array_size(partitions);
        if (json_array_size(partitions) == 0) {
            return false;
        }
    }
    return count == (size_t)asked->cnt;
}

static bool nothing_is_amiss(struct kafka_look *look, json_t *ends)
{
    json_t *lost = json_array();
    char why[256];
    const enum kafka_ends_verdict verdict = kafka_ends_compare(look->ends, ends, lost, why, sizeof why);
    json_decref(lost);
    return verdict == KAFKA_ENDS_FINE;
}

/* NULL when more has to be asked for: it is time to, or something is amiss. */
static json_t *ask_ends_alone(struct kafka_look *look, int64_t until_ms)
{
    if (!look->partitions || ++look->looks >= PARTITIONS_EVERY) {
        return NULL;
    }
    json_t *ends = json_deep_copy(look->unasked);
    rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_copy(look->partitions);
    bool fine = !ask_ends(look, ends, asked, until_ms) && nothing_is_amiss(look, ends);
    for (int i = 0; fine && i < asked->cnt; i++) {
        fine = !asked->elems[i].err && asked->elems[i].offset >= 0;
    }
    rd_kafka_topic_partition_list_destroy(asked);
    if (!fine) {
        json_decref(ends);
        return NULL;
    }
    return ends;
}

/* NULL, with the reason, when Kafka does not answer. */
static json_t *ask(struct kafka_look *look)
{
    const int64_t until_ms = clock_monotonic_ms() + QUESTIONS_MS;
    json_t *ends = ask_ends_alone(look, until_ms);
    if (ends) {
        return ends;
    }
    forget_partitions(look);
    ends = json_object();
    rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_new(256);
    rd_kafka_resp_err_t failure = ask_partitions(look, ends, asked, until_ms);
    if (!failure && !*look->unknown && all_are_asked(ends, asked)) {
        keep_partitions(look, asked, ends);
    }
    failure = failure ? failure : ask_ends(look, ends, asked, until_ms);
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

/* Those that are missing. What is not known now is not. */
static bool create_topics(struct kafka_look *look, const json_t *ends)
{
    for (size_t i = 0; i < look->admin.count; i++) {
        const json_t *partitions = json_object_get(ends, look->admin.topics[i].name);
        look->admin.topics[i].partitions = partitions ? (int)json_array_size(partitions) : 1;
    }
    return topic_admin_create(&look->admin, &look->error);
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
    look->unknown[0] = '\0';
    look->result = KAFKA_LOOK_UNANSWERED;
    (void)rd_kafka_poll(look->admin.kafka, 0); /* what librdkafka has to say */
    json_t *ends = ask(look);
    if (!ends) {
        look->missing = 0;
        return;
    }
    /* The client knows it from when it last asked for partitions. */
    char *cluster_id = rd_kafka_clusterid(look->admin.kafka, 1);
    look->seen_cluster_id = cluster_id ? memory_strdup(cluster_id) : NULL;
    rd_kafka_mem_free(look->admin.kafka, cluster_id);
    look->seen_ends = kafka_ends_merge(look->ends, ends);
    look->lost = json_array();
    look->result = KAFKA_LOOK_FINE;
    const bool lost = is_lost(look, ends);
    if (json_array_size(look->lost) > 0) {
        forget_partitions(look);
    }
    if (lost) {
        forget_lost_ends(look);
        const bool there = create_topics(look, ends);
        look->missing = there ? 0 : look->missing;
        look->result = there ? KAFKA_LOOK_LOST : KAFKA_LOOK_NO_TOPICS;
    }
    json_decref(ends);
}
