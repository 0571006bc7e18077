#include "metrics/exporter/commit_log.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

#define STILL_LOOKS 2

void commit_log_release(struct commit_log *log)
{
    free(log->partitions);
    *log = (struct commit_log){0};
}

void commit_log_found(struct commit_log *log, const rd_kafka_metadata_topic_t *topic)
{
    if (log->count != topic->partition_cnt) {
        const bool was_wrong = log->was_wrong;
        commit_log_release(log);
        log->partitions = NEW_ARRAY(struct commit_log_partition, (size_t)topic->partition_cnt);
        log->count = topic->partition_cnt;
        log->was_wrong = was_wrong;
    }
    for (int32_t i = 0; i < log->count; i++) {
        log->partitions[i].led = false;
    }
    for (int i = 0; i < topic->partition_cnt; i++) {
        const int32_t id = topic->partitions[i].id;
        if (id >= 0 && id < log->count) {
            log->partitions[id].led = topic->partitions[i].leader >= 0;
        }
    }
}

void commit_log_list(const struct commit_log *log, rd_kafka_topic_partition_list_t *list)
{
    for (int32_t i = 0; i < log->count && !log->was_wrong; i++) {
        if (log->partitions[i].led) { /* one that is not would hold up the others */
            rd_kafka_topic_partition_list_add(list, COMMIT_LOG_TOPIC, i)->offset = RD_KAFKA_OFFSET_END;
        }
    }
}

static void saw_end(struct commit_log_partition *partition, int64_t end)
{
    partition->still_for = end >= 0 && end == partition->end ? partition->still_for + 1 : 0;
    partition->end = end;
}

void commit_log_take(struct commit_log *log, const rd_kafka_topic_partition_list_t *list, bool answered)
{
    int next = 0;
    for (int32_t i = 0; i < log->count; i++) {
        const bool asked = next < list->cnt && list->elems[next].partition == i;
        const rd_kafka_topic_partition_t *answer = asked ? &list->elems[next++] : NULL;
        saw_end(&log->partitions[i], answered && answer && !answer->err ? answer->offset : -1);
    }
}

/* Java's String.hashCode(), for the names of which a byte is a character. */
int32_t commit_log_partition_of(const char *group, int32_t count)
{
    uint32_t hash = 0;
    for (const char *at = group; *at; at++) {
        if ((unsigned char)*at >= 0x80) {
            return -1;
        }
        hash = 31 * hash + (unsigned char)*at;
    }
    /* org.apache.kafka.common.utils.Utils.abs(): of the one number that has no positive, 0 */
    const uint32_t positive = hash == 0x80000000U ? 0 : hash > 0x80000000U ? 0U - hash : hash;
    return count > 0 ? (int32_t)(positive % (uint32_t)count) : -1;
}

bool commit_log_is_quiet(const struct commit_log *log, const char *group)
{
    const int32_t place = commit_log_partition_of(group, log->count);
    return !log->was_wrong && place >= 0 && log->partitions[place].still_for >= STILL_LOOKS;
}

void commit_log_was_wrong(struct commit_log *log)
{
    if (!log->was_wrong) {
        log->was_wrong = true;
        log_info(
            "this Kafka keeps what groups commit in another way than Apache Kafka: each is asked each time");
    }
}
