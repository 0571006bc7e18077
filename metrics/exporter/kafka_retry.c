/*
 * A record is due at most its tier's delay and its partition's jitter after it was written: the due time was
 * set before. So what is older than that is due, and what is younger, the router may still be right to hold.
 */
#include "metrics/exporter/kafka_retry.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "schemas/tiers.h"

#define RETRY_GROUP "outbound-router-retry"
/* The router commits each second what it has taken, and its clock is another one. */
#define GRACE_MS 2000

int64_t retry_wait_ms(int64_t delay_ms, int32_t number, int32_t partition_count)
{
    return delay_ms + delay_ms * number / ((int64_t)partition_count * 10);
}

/* A group that has committed nothing begins at the start. */
static const struct position *position_in(const struct group *group, const struct kafka_topic *topic,
                                          int32_t partition)
{
    for (size_t i = 0; group && i < group->position_count; i++) {
        const struct position *position = &group->positions[i];
        if (position->topic == topic && position->partition == partition) {
            return position;
        }
    }
    return NULL;
}

static int64_t first_waiting(const struct group *group, const struct kafka_topic *topic, int32_t number)
{
    const struct position *position = position_in(group, topic, number);
    const int64_t start = topic->partitions[number].start;
    return position && position_place(position) > start ? position_place(position) : start;
}

/* Of the first record; at least what the grace says, where nobody has looked at it. */
static int64_t age_of(const struct kafka_view *view, const struct kafka_topic *topic, int32_t number,
                      const struct position *position, int64_t from)
{
    int64_t from_ms;
    int64_t to_ms;
    if (position && position->age_ms != NOT_KNOWN) {
        return position->age_ms;
    }
    return record_times_bounds(&topic->partitions[number].times, from, &from_ms, &to_ms)
               ? view->now_ms - from_ms
               : retry_wait_ms(topic->retry_delay_ms, number, topic->partition_count) + GRACE_MS;
}

/* `due`: the first record that is not; negative: all are. */
static void judge(const struct kafka_view *view, struct kafka_topic *topic, int32_t number,
                  const struct group *group, int64_t due)
{
    const int64_t from = first_waiting(group, topic, number);
    const int64_t end = topic->partitions[number].end;
    const int64_t border = due < 0 || due > end ? end : due < from ? from : due;
    topic->retry.waiting += end - border;
    topic->retry.overdue += border - from;
    if (border > from) {
        const int64_t late_ms = age_of(view, topic, number, position_in(group, topic, number), from) -
                                retry_wait_ms(topic->retry_delay_ms, number, topic->partition_count);
        topic->retry.overdue_ms = late_ms > topic->retry.overdue_ms ? late_ms : topic->retry.overdue_ms;
    }
}

static void add_questions(const struct kafka_view *view, const struct kafka_topic *topic,
                          const struct group *group, rd_kafka_topic_partition_list_t *list)
{
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct partition *partition = &topic->partitions[i];
        if (partition->start != NOT_KNOWN && first_waiting(group, topic, i) < partition->end) {
            rd_kafka_topic_partition_list_add(list, topic->name, i)->offset =
                view->now_ms - GRACE_MS - retry_wait_ms(topic->retry_delay_ms, i, topic->partition_count);
        }
    }
}

bool kafka_retry_look(struct kafka_ask *ask, struct kafka_view *view, struct error *error)
{
    const struct group *group = kafka_view_group(view, RETRY_GROUP);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (size_t i = 0; i < view->topic_count; i++) {
        if (view->topics[i]->retry_delay_ms > 0) {
            memset(&view->topics[i]->retry, 0, sizeof view->topics[i]->retry);
            add_questions(view, view->topics[i], group, list);
        }
    }
    const bool fine = list->cnt == 0 || kafka_ask_offsets(ask, list, error);
    for (int i = 0; i < list->cnt && fine; i++) {
        const rd_kafka_topic_partition_t *answer = &list->elems[i];
        struct kafka_topic *topic = kafka_view_topic(view, answer->topic);
        if (topic && !answer->err) {
            judge(view, topic, answer->partition, group, answer->offset);
        }
    }
    for (size_t i = 0; i < view->topic_count; i++) {
        view->topics[i]->retry.known = fine;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return fine;
}
