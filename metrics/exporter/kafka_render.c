#include "metrics/exporter/kafka_render.h"

#include <string.h>

#include "base/text.h"
#include "metrics/metrics.h"

#define DIGITS_MAX 24

/* Tens of thousands of them are written at each collection; printf would be most of its cost. */
void render_number(struct buffer *into, int64_t value, bool thousandths)
{
    char text[DIGITS_MAX];
    char *at = text + sizeof text;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int digits = 0;
    do {
        if (thousandths && digits == 3) {
            *--at = '.';
        }
        *--at = (char)('0' + left % 10);
        left /= 10;
        digits++;
    } while (left > 0 || (thousandths && digits < 4));
    if (value < 0) {
        *--at = '-';
    }
    buffer_append(into, at, (size_t)(text + sizeof text - at));
}

static void render_sample(struct buffer *into, struct text name, struct text labels, int64_t value,
                          bool thousandths)
{
    buffer_append(into, name.bytes, name.length);
    buffer_append(into, labels.bytes, labels.length);
    render_number(into, value, thousandths);
    buffer_append(into, "\n", 1);
}

/* The families of groups' positions. False: this position has no sample. */

typedef bool position_value_fn(const struct position *position, int64_t *ret_value);

static bool offset_value(const struct position *position, int64_t *ret_value)
{
    *ret_value = position->committed;
    return true;
}

static bool lag_value(const struct position *position, int64_t *ret_value)
{
    *ret_value = position->lag;
    return position->lag != NOT_KNOWN;
}

static bool age_value(const struct position *position, int64_t *ret_value)
{
    *ret_value = position->age_ms;
    return position->age_ms != NOT_KNOWN;
}

static bool margin_value(const struct position *position, int64_t *ret_value)
{
    const int64_t margin = position_place(position) - position_partition(position)->start;
    *ret_value = margin > 0 ? margin : 0;
    return position->lag != NOT_KNOWN;
}

static bool margin_seconds_value(const struct position *position, int64_t *ret_value)
{
    const int64_t left_ms = position->topic->retention_ms - position->age_ms;
    *ret_value = left_ms > 0 ? left_ms : 0;
    return position->age_ms > 0 && position->topic->retention_ms >= 0;
}

static bool lost_value(const struct position *position, int64_t *ret_value)
{
    *ret_value = position->zero_read ? position->lost : 0;
    return position->lag != NOT_KNOWN;
}

static void render_positions(const struct kafka_view *view, struct buffer *into, enum metric metric,
                             position_value_fn *value_of, bool seconds)
{
    const struct text name = text_of(metric_name(metric));
    metric_expose_head(metric, into);
    for (size_t i = 0; i < view->group_count; i++) {
        const struct group *group = view->groups[i];
        for (size_t j = 0; j < group->position_count; j++) {
            const struct position *position = &group->positions[j];
            int64_t value;
            if (value_of(position, &value)) {
                render_sample(into, name, (struct text){position->labels, position->labels_length}, value,
                              seconds);
            }
        }
    }
}

static void render_groups(const struct kafka_view *view, struct buffer *into)
{
    metric_expose_head(METRIC_GROUP_MEMBERS, into);
    for (size_t i = 0; i < view->group_count; i++) {
        const struct group *group = view->groups[i];
        if (group->members != NOT_KNOWN) {
            buffer_format(into, "%s{%s} %lld\n", metric_name(METRIC_GROUP_MEMBERS), group->label,
                          (long long)group->members);
        }
    }
    metric_expose_head(METRIC_GROUP_STATE, into);
    for (size_t i = 0; i < view->group_count; i++) {
        const struct group *group = view->groups[i];
        for (int state = 0; state < RD_KAFKA_CONSUMER_GROUP_STATE__CNT; state++) {
            buffer_format(into, "%s{%s,state=\"%s\"} %d\n", metric_name(METRIC_GROUP_STATE), group->label,
                          rd_kafka_consumer_group_state_name((rd_kafka_consumer_group_state_t)state),
                          (int)group->state == state);
        }
    }
}

static void render_partitions(const struct kafka_view *view, struct buffer *into, enum metric metric)
{
    metric_expose_head(metric, into);
    for (size_t i = 0; i < view->topic_count; i++) {
        const struct kafka_topic *topic = view->topics[i];
        for (int32_t j = 0; j < topic->partition_count; j++) {
            const struct partition *partition = &topic->partitions[j];
            const int64_t offset = metric == METRIC_PARTITION_END ? partition->end : partition->start;
            if (offset != NOT_KNOWN) {
                buffer_text(into, metric_name(metric));
                buffer_append(into, "{", 1);
                buffer_text(into, topic->label);
                buffer_text(into, ",partition=\"");
                render_number(into, j, false);
                buffer_text(into, "\"} ");
                render_number(into, offset, false);
                buffer_append(into, "\n", 1);
            }
        }
    }
}

static void render_topics(const struct kafka_view *view, struct buffer *into)
{
    metric_expose_head(METRIC_BROKERS, into);
    buffer_format(into, "%s %d\n", metric_name(METRIC_BROKERS), view->broker_count);
    metric_expose_head(METRIC_PARTITIONS, into);
    for (size_t i = 0; i < view->topic_count; i++) {
        buffer_format(into, "%s{%s} %d\n", metric_name(METRIC_PARTITIONS), view->topics[i]->label,
                      (int)view->topics[i]->partition_count);
    }
    render_partitions(view, into, METRIC_PARTITION_END);
    render_partitions(view, into, METRIC_PARTITION_START);
}

static void render_tiers(const struct kafka_view *view, struct buffer *into, enum metric metric)
{
    metric_expose_head(metric, into);
    for (size_t i = 0; i < view->topic_count; i++) {
        const struct kafka_topic *topic = view->topics[i];
        if (topic->retry_delay_ms > 0 && topic->retry.known) {
            buffer_format(into, "%s{%s} ", metric_name(metric), topic->label);
            render_number(into,
                          metric == METRIC_RETRY_WAITING   ? topic->retry.waiting
                          : metric == METRIC_RETRY_OVERDUE ? topic->retry.overdue
                                                           : topic->retry.overdue_ms,
                          metric == METRIC_RETRY_OVERDUE_SECONDS);
            buffer_append(into, "\n", 1);
        }
    }
}

void kafka_render(const struct kafka_view *view, struct buffer *into)
{
    render_topics(view, into);
    render_groups(view, into);
    render_positions(view, into, METRIC_GROUP_OFFSET, offset_value, false);
    render_positions(view, into, METRIC_GROUP_LAG, lag_value, false);
    render_positions(view, into, METRIC_GROUP_LAG_SECONDS, age_value, true);
    render_positions(view, into, METRIC_GROUP_MARGIN, margin_value, false);
    render_positions(view, into, METRIC_GROUP_MARGIN_SECONDS, margin_seconds_value, true);
    render_positions(view, into, METRIC_GROUP_LOST, lost_value, false);
    render_tiers(view, into, METRIC_RETRY_WAITING);
    render_tiers(view, into, METRIC_RETRY_OVERDUE);
    render_tiers(view, into, METRIC_RETRY_OVERDUE_SECONDS);
}
