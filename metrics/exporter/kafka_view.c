#include "metrics/exporter/kafka_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "schemas/tiers.h"

/* As the roles call their groups. What others have committed of a topic says nothing of its losses. */
#define OUR_GROUPS "outbound-"
#define LABEL_MAX ((size_t)1024 * 1024)

char *label_text(const char *name, const char *value)
{
    struct buffer text;
    buffer_init(&text, LABEL_MAX);
    buffer_format(&text, "%s=\"", name);
    for (const char *at = value; *at; at++) {
        switch (*at) {
        case '\n':
            buffer_text(&text, "\\n");
            break;
        case '"':
        case '\\':
            buffer_text(&text, "\\");
            /* fall through */
        default:
            buffer_append(&text, at, 1);
        }
    }
    buffer_text(&text, "\"");
    return text.bytes;
}

static void forget_partitions(struct kafka_topic *topic)
{
    for (int32_t i = 0; i < topic->partition_count; i++) {
        record_times_release(&topic->partitions[i].times);
    }
    free(topic->partitions);
}

static void topic_free(struct kafka_topic *topic)
{
    if (topic->handle) {
        rd_kafka_topic_destroy(topic->handle);
    }
    forget_partitions(topic);
    free(topic->name);
    free(topic->label);
    free(topic);
}

static void group_free(struct group *group)
{
    for (size_t i = 0; i < group->position_count; i++) {
        free(group->positions[i].labels);
    }
    free(group->positions);
    free(group->name);
    free(group->label);
    free(group);
}

void kafka_view_release(struct kafka_view *view)
{
    for (size_t i = 0; i < view->group_count; i++) {
        group_free(view->groups[i]);
    }
    for (size_t i = 0; i < view->topic_count; i++) {
        topic_free(view->topics[i]);
    }
    free(view->groups);
    free(view->topics);
    commit_log_release(&view->commits);
    json_decref(view->lost);
    *view = (struct kafka_view){0};
}

/* Both kinds begin with their name, which is what they are sorted by. */
static size_t place_of(void *const *sorted, size_t count, const char *name, bool *ret_there)
{
    size_t low = 0;
    size_t high = count;
    *ret_there = false;
    while (low < high && !*ret_there) {
        const size_t middle = (low + high) / 2;
        const int order = strcmp(*(char *const *)sorted[middle], name);
        *ret_there = order == 0;
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return high;
}

static void *find(void *const *sorted, size_t count, const char *name)
{
    bool there;
    const size_t at = place_of(sorted, count, name, &there);
    return there ? sorted[at] : NULL;
}

static void **insert(void **sorted, size_t *count, size_t at, void *one)
{
    sorted = memory_resize(sorted, (*count + 1) * sizeof *sorted);
    memmove(&sorted[at + 1], &sorted[at], (*count - at) * sizeof *sorted);
    sorted[at] = one;
    ++*count;
    return sorted;
}

struct kafka_topic *kafka_view_topic(const struct kafka_view *view, const char *name)
{
    return find((void *const *)view->topics, view->topic_count, name);
}

struct group *kafka_view_group(const struct kafka_view *view, const char *name)
{
    return find((void *const *)view->groups, view->group_count, name);
}

static void set_partitions(struct kafka_topic *topic, int32_t count)
{
    if (count < topic->partition_count) { /* it was deleted and made anew */
        forget_partitions(topic);
        topic->partitions = NULL;
        topic->partition_count = 0;
        topic->configured = false;
    }
    topic->partitions =
        memory_resize(topic->partitions, sizeof *topic->partitions * (size_t)(count ? count : 1));
    for (int32_t i = topic->partition_count; i < count; i++) {
        topic->partitions[i] = (struct partition){.start = NOT_KNOWN, .end = NOT_KNOWN};
    }
    topic->partition_count = count;
}

struct kafka_topic *kafka_view_found_topic(struct kafka_view *view, const char *name, int32_t partition_count)
{
    bool there;
    const size_t at = place_of((void *const *)view->topics, view->topic_count, name, &there);
    struct kafka_topic *topic = there ? view->topics[at] : NEW(struct kafka_topic);
    if (!there) {
        topic->name = memory_strdup(name);
        topic->label = label_text("topic", name);
        topic->retention_ms = NOT_KNOWN;
        topic->retry_delay_ms = tier_delay_ms(name);
        view->topics = (struct kafka_topic **)insert((void **)view->topics, &view->topic_count, at, topic);
    }
    if (topic->partition_count != partition_count) {
        set_partitions(topic, partition_count);
        view->topics_changed = true;
    }
    topic->found = true;
    return topic;
}

struct group *kafka_view_found_group(struct kafka_view *view, const char *name)
{
    bool there;
    const size_t at = place_of((void *const *)view->groups, view->group_count, name, &there);
    struct group *group = there ? view->groups[at] : NEW(struct group);
    if (!there) {
        group->name = memory_strdup(name);
        group->label = label_text("group", name);
        group->ours = strncmp(name, OUR_GROUPS, strlen(OUR_GROUPS)) == 0;
        group->members = NOT_KNOWN;
        view->groups = (struct group **)insert((void **)view->groups, &view->group_count, at, group);
    }
    group->found = true;
    return group;
}

void kafka_view_set_lost(struct kafka_view *view, json_t *lost)
{
    if (lost && !json_equal(lost, view->lost)) {
        json_decref(view->lost);
        view->lost = json_incref(lost);
        view->topics_changed = true;
    }
}

static void keep_positions(struct group *group, bool (*keep)(const struct position *))
{
    size_t kept = 0;
    for (size_t i = 0; i < group->position_count; i++) {
        if (keep(&group->positions[i])) {
            group->positions[kept++] = group->positions[i];
        } else {
            free(group->positions[i].labels);
        }
    }
    group->position_count = kept;
}

static bool has_topic(const struct position *position)
{
    return position->topic->found && position->partition < position->topic->partition_count;
}

void kafka_view_sweep(struct kafka_view *view, bool all_groups)
{
    size_t kept = 0;
    for (size_t i = 0; i < view->group_count; i++) {
        struct group *group = view->groups[i];
        if (group->found || !all_groups) {
            keep_positions(group, has_topic);
            group->found = false;
            view->groups[kept++] = group;
        } else {
            group_free(group);
        }
    }
    view->group_count = kept;
    kept = 0;
    for (size_t i = 0; i < view->topic_count; i++) {
        struct kafka_topic *topic = view->topics[i];
        if (topic->found) {
            topic->found = false;
            view->topics[kept++] = topic;
        } else {
            topic_free(topic);
        }
    }
    view->topic_count = kept;
}

void group_positions_begin(struct group *group, size_t *hint)
{
    for (size_t i = 0; i < group->position_count; i++) {
        group->positions[i].found = false;
    }
    group->moved = false;
    *hint = 0;
}

static struct position *new_position(struct group *group, struct kafka_topic *topic, int32_t partition)
{
    group->positions =
        memory_resize(group->positions, (group->position_count + 1) * sizeof *group->positions);
    struct position *position = &group->positions[group->position_count++];
    struct buffer labels;
    buffer_init(&labels, LABEL_MAX);
    buffer_format(&labels, "{%s,%s,partition=\"%d\"} ", group->label, topic->label, (int)partition);
    /* There are many of them: without the room that a buffer keeps for more. */
    labels.bytes = memory_resize(labels.bytes, labels.length + 1);
    *position = (struct position){.topic = topic,
                                  .partition = partition,
                                  .labels = labels.bytes,
                                  .labels_length = labels.length,
                                  .counts = true,
                                  .lag = NOT_KNOWN,
                                  .age_ms = NOT_KNOWN};
    return position;
}

void group_position_found(struct group *group, size_t *hint, struct kafka_topic *topic, int32_t partition,
                          int64_t committed, bool counts)
{
    struct position *position = NULL;
    for (size_t i = 0; i < group->position_count && !position; i++) {
        struct position *next = &group->positions[(*hint + i) % group->position_count];
        position = next->topic == topic && next->partition == partition ? next : NULL;
    }
    group->moved = group->moved || (position && position->committed != committed);
    position = position ? position : new_position(group, topic, partition);
    if (position->counts && !counts) { /* what is gone by now was never its to read */
        position->counted_to = NOT_KNOWN;
    }
    position->committed = committed;
    position->counts = counts;
    position->found = true;
    *hint = (size_t)(position - group->positions) + 1;
}

static bool was_found(const struct position *position)
{
    return position->found;
}

void group_positions_end(struct group *group)
{
    keep_positions(group, was_found);
}
