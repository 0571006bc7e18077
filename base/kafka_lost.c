#include "base/kafka_lost.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define MARK_SIZE 24

/* 0: it was never lost. */
static json_int_t number_of(const json_t *lost, const char *topic)
{
    const json_int_t one = json_integer_value(json_object_get(lost, topic));
    const json_int_t all = json_integer_value(json_object_get(lost, "*"));
    return one > all ? one : all;
}

/* Empty for a topic that was never lost: so are the commits of everybody else. */
static void write_mark(const json_t *lost, const char *topic, char mark[static MARK_SIZE])
{
    const json_int_t number = number_of(lost, topic);
    mark[0] = '\0';
    if (number > 0) {
        (void)snprintf(mark, MARK_SIZE, "%" JSON_INTEGER_FORMAT, number);
    }
}

void kafka_lost_mark(const json_t *lost, rd_kafka_t *kafka, rd_kafka_topic_partition_t *commit)
{
    char mark[MARK_SIZE];
    write_mark(lost, commit->topic, mark);
    if (*mark) {
        commit->metadata_size = strlen(mark);
        commit->metadata = rd_kafka_mem_malloc(kafka, commit->metadata_size);
        memcpy(commit->metadata, mark, commit->metadata_size);
    }
}

bool kafka_lost_counts(const json_t *lost, const rd_kafka_topic_partition_t *commit)
{
    char mark[MARK_SIZE];
    write_mark(lost, commit->topic, mark);
    const size_t length = strlen(mark);
    return length == 0 || (commit->metadata_size == length && memcmp(commit->metadata, mark, length) == 0);
}

bool kafka_lost_begin(const json_t *lost, rd_kafka_t *kafka, rd_kafka_topic_partition_list_t *list,
                      int wait_ms)
{
    rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_new(list->cnt);
    for (int i = 0; i < list->cnt; i++) {
        if (number_of(lost, list->elems[i].topic) > 0) {
            rd_kafka_topic_partition_list_add(asked, list->elems[i].topic, list->elems[i].partition);
        }
    }
    rd_kafka_resp_err_t failure = asked->cnt > 0 ? rd_kafka_committed(kafka, asked, wait_ms) : 0;
    for (int i = 0; !failure && i < asked->cnt; i++) {
        const rd_kafka_topic_partition_t *commit = &asked->elems[i];
        if (!kafka_lost_counts(lost, commit)) {
            rd_kafka_topic_partition_list_find(list, commit->topic, commit->partition)->offset =
                RD_KAFKA_OFFSET_BEGINNING;
        }
        failure = commit->err;
    }
    rd_kafka_topic_partition_list_destroy(asked);
    if (failure) {
        log_warn("what is committed of topics that were lost once cannot be read: %s",
                 rd_kafka_err2str(failure));
    }
    return !failure;
}
