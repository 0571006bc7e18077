#include "producer/kafka_ends.h"

#include <stdio.h>

/* -1: not known. */
static json_int_t end_of(const json_t *partitions, size_t index)
{
    const json_t *end = json_array_get(partitions, index);
    return json_is_integer(end) ? json_integer_value(end) : -1;
}

static enum kafka_ends_verdict compare_topic(const char *topic, const json_t *before, const json_t *now,
                                             char *ret_why, size_t size)
{
    for (size_t i = 0; i < json_array_size(before); i++) {
        const json_int_t end = end_of(now, i);
        if (end >= 0 && end < end_of(before, i)) {
            (void)snprintf(ret_why, size, "%s [%zu] ends at %lld and has ended at %lld", topic, i,
                           (long long)end, (long long)end_of(before, i));
            return KAFKA_ENDS_BEHIND;
        }
    }
    if (json_array_size(now) < json_array_size(before)) {
        (void)snprintf(ret_why, size, "%s [%zu] is missing", topic, json_array_size(now));
        return KAFKA_ENDS_MISSING;
    }
    return KAFKA_ENDS_FINE;
}

enum kafka_ends_verdict kafka_ends_compare(json_t *recorded, json_t *seen, json_t *lost, char *ret_why,
                                           size_t size)
{
    enum kafka_ends_verdict verdict = KAFKA_ENDS_FINE;
    const char *topic;
    json_t *before;
    json_object_foreach (recorded, topic, before) {
        const json_t *now = json_object_get(seen, topic);
        if (!json_is_array(before) || !json_is_array(now)) {
            continue;
        }
        char why[256];
        const enum kafka_ends_verdict of_topic = compare_topic(topic, before, now, why, sizeof why);
        if (of_topic != KAFKA_ENDS_FINE) {
            (void)json_array_append_new(lost, json_string(topic));
        }
        if (of_topic > verdict) {
            verdict = of_topic;
            (void)snprintf(ret_why, size, "%s", why);
        }
    }
    return verdict;
}

json_t *kafka_ends_merge(json_t *recorded, json_t *seen)
{
    json_t *merged = json_deep_copy(recorded);
    const char *topic;
    json_t *now;
    json_object_foreach (seen, topic, now) {
        const json_t *before = json_object_get(recorded, topic);
        if (!json_is_array(now) || json_array_size(now) < json_array_size(before)) {
            continue;
        }
        json_t *ends = json_array();
        for (size_t i = 0; i < json_array_size(now); i++) {
            json_t *known = json_array_get(end_of(now, i) < 0 ? before : now, i);
            (void)json_array_append_new(ends, known ? json_copy(known) : json_null());
        }
        (void)json_object_set_new(merged, topic, ends);
    }
    return merged;
}
