#include "metrics/exporter/kafka_lag.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

/*
 * Whose time is known to an interval is read, too, when they are few: there may be nothing but markers. Of
 * many some at each collection, and none of a group that moves: it will be somewhere else by then.
 */
#define FEW_READS ((size_t)64)
#define READS_OF_MANY ((size_t)8)
#define READING_MIN_MS 500
#define READING_MAX_MS 5000
/* A record that was there may be compacted away. */
#define COMPACTED_LOOK_INTERVALS 5

struct wanted {
    struct read_target target;
    bool needed;      /* nothing else tells the age to one interval */
    bool moves;       /* the group has committed something since the last look */
    int64_t about_ms; /* when the record was written, as far as is known */
};

struct look {
    struct kafka_view *view;
    int64_t interval_ms;
    struct wanted *wanted;
    size_t count;
    size_t room;
};

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void see_ends(struct kafka_view *view)
{
    for (size_t i = 0; i < view->topic_count; i++) {
        for (int32_t j = 0; j < view->topics[i]->partition_count; j++) {
            struct partition *partition = &view->topics[i]->partitions[j];
            struct record_times *times = &partition->times;
            if (partition->end == NOT_KNOWN) {
                continue;
            }
            if (times->mark_count && times->marks[times->mark_count - 1].offset > partition->end) {
                record_times_release(times); /* deleted and made anew */
                partition->start = NOT_KNOWN;
            }
            record_times_saw_end(times, partition->end, view->now_ms);
        }
    }
}

static void count_records(struct position *position, const struct partition *partition)
{
    position->lag = larger(0, partition->end - position_place(position));
    if (position->counted_to == NOT_KNOWN) {
        position->counted_to = partition->start;
    } else if (position->counted_to > partition->end) {
        position->counted_to = 0;
    }
    const int64_t from = larger(position->counts ? position->committed : 0, position->counted_to);
    if (partition->start > from) {
        position->lost += partition->start - from;
    }
    position->counted_to = larger(position->counted_to, partition->start);
}

/* `*ret_offset` is where a read would have to begin. */
static enum record_answer find(const struct look *look, const struct position *position, int64_t *ret_offset,
                               int64_t *ret_time_ms)
{
    struct partition *partition = position_partition(position);
    const int64_t since_ms = position->topic->compacted
                                 ? look->view->now_ms - COMPACTED_LOOK_INTERVALS * look->interval_ms
                                 : INT64_MIN;
    *ret_offset = larger(position_place(position), partition->start);
    return record_times_find(&partition->times, ret_offset, partition->end, since_ms, ret_time_ms);
}

static void want(struct look *look, const struct position *position, int64_t from, enum record_answer answer)
{
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    const bool bounded = record_times_bounds(&position_partition(position)->times, from, &from_ms, &to_ms);
    if (look->count == look->room) {
        look->room = look->room ? look->room * 2 : 64;
        look->wanted = memory_resize(look->wanted, look->room * sizeof *look->wanted);
    }
    look->wanted[look->count++] = (struct wanted){
        .target = {.topic = position->topic, .partition = position->partition, .from = from},
        .moves = position->committed != position->committed_before,
        .needed = answer == RECORD_UNKNOWN && !(bounded && to_ms - from_ms <= 2 * look->interval_ms),
        .about_ms = from_ms};
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_place(const void *left, const void *right)
{
    const struct read_target *a = &((const struct wanted *)left)->target;
    const struct read_target *b = &((const struct wanted *)right)->target;
    const int topic = order((int64_t)(intptr_t)a->topic, (int64_t)(intptr_t)b->topic);
    const int partition = topic ? topic : order(a->partition, b->partition);
    return partition ? partition : order(a->from, b->from);
}

static int by_need(const void *left, const void *right)
{
    const struct wanted *a = left;
    const struct wanted *b = right;
    const int need = (int)b->needed - (int)a->needed;
    const int rest = need ? need : (int)a->moves - (int)b->moves;
    return rest ? rest : order(a->about_ms, b->about_ms);
}

/* Groups at the same place need one read. */
static void drop_repetitions(struct look *look)
{
    size_t kept = 0;
    qsort(look->wanted, look->count, sizeof *look->wanted, by_place);
    for (size_t i = 0; i < look->count; i++) {
        if (i == 0 || by_place(&look->wanted[kept - 1], &look->wanted[i]) != 0) {
            look->wanted[kept++] = look->wanted[i];
        }
    }
    look->count = kept;
}

static void read_wanted(struct look *look, struct kafka_reader *reader)
{
    if (look->count == 0) {
        return;
    }
    drop_repetitions(look);
    qsort(look->wanted, look->count, sizeof *look->wanted, by_need);
    size_t count = 0;
    while (count < look->count && look->wanted[count].needed) {
        count++;
    }
    if (look->count <= FEW_READS) {
        count = look->count;
    }
    while (count < look->count && count < READS_OF_MANY && !look->wanted[count].moves) {
        count++;
    }
    if (count == 0) {
        return;
    }
    struct read_target *targets = NEW_ARRAY(struct read_target, count);
    for (size_t i = 0; i < count; i++) {
        targets[i] = look->wanted[i].target;
    }
    int64_t time_ms = larger(look->interval_ms / 2, READING_MIN_MS);
    time_ms = time_ms < READING_MAX_MS ? time_ms : READING_MAX_MS;
    kafka_reader_read(reader, targets, count, clock_monotonic_ms() + time_ms);
    free(targets);
}

static int64_t age_of(const struct look *look, const struct position *position)
{
    int64_t offset;
    int64_t time_ms;
    int64_t to_ms;
    switch (find(look, position, &offset, &time_ms)) {
    case RECORD_NONE:
        return 0;
    case RECORD_UNKNOWN:
        if (!record_times_bounds(&position_partition(position)->times, offset, &time_ms, &to_ms)) {
            return NOT_KNOWN;
        }
        time_ms += (to_ms - time_ms) / 2;
        break;
    case RECORD_UNDECIDED:
    case RECORD_AT:
        break;
    }
    return larger(0, look->view->now_ms - time_ms);
}

static void for_each_position(struct look *look, void (*visit)(struct look *, struct position *))
{
    for (size_t i = 0; i < look->view->group_count; i++) {
        struct group *group = look->view->groups[i];
        for (size_t j = 0; j < group->position_count; j++) {
            visit(look, &group->positions[j]);
        }
    }
}

static void look_at(struct look *look, struct position *position)
{
    const struct partition *partition = position_partition(position);
    const bool was_shown = position->lag != NOT_KNOWN;
    position->lag = NOT_KNOWN;
    if (partition->end == NOT_KNOWN || partition->start == NOT_KNOWN) {
        return;
    }
    position->zero_read = position->zero_read || (was_shown && look->view->was_read);
    count_records(position, partition);
    int64_t from;
    int64_t time_ms;
    const enum record_answer answer = find(look, position, &from, &time_ms);
    if (answer == RECORD_UNKNOWN || answer == RECORD_UNDECIDED) {
        want(look, position, from, answer);
    }
    position->committed_before = position->committed;
}

static void conclude(struct look *look, struct position *position)
{
    position->age_ms = position->lag == NOT_KNOWN ? NOT_KNOWN : age_of(look, position);
}

void kafka_lag_look(struct kafka_view *view, struct kafka_reader *reader, int64_t interval_ms)
{
    struct look look = {.view = view, .interval_ms = interval_ms};
    see_ends(view);
    for_each_position(&look, look_at);
    read_wanted(&look, reader);
    for_each_position(&look, conclude);
    for (size_t i = 0; i < view->topic_count; i++) {
        for (int32_t j = 0; j < view->topics[i]->partition_count; j++) {
            record_times_forget(&view->topics[i]->partitions[j].times);
        }
    }
    free(look.wanted);
}
