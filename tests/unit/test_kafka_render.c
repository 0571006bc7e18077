#include "metrics/exporter/kafka_render.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "metrics/exporter/kafka_lag.h"
#include "metrics/exporter/kafka_retry.h"
#include "support/leaks.h"
#include "support/says.h"

TestSuite(kafka_render, .fini = no_leaks);

Test(kafka_render, numbers)
{
    static const struct {
        int64_t value;
        bool thousandths;
        const char *text;
    } rows[] = {
        {0, false, "0"},
        {-7, false, "-7"},
        {1234567890123, false, "1234567890123"},
        {0, true, "0.000"},
        {7, true, "0.007"},
        {1234, true, "1.234"},
        {-1500, true, "-1.500"},
        {INT64_MIN, false, "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer text;
        buffer_init(&text, 100);
        render_number(&text, rows[i].value, rows[i].thousandths);
        cr_expect(eq(str, text.bytes, (char *)rows[i].text));
        buffer_release(&text);
    }
}

/* Names that need escapes; what is not known has no sample; what is gone goes away. */
Test(kafka_render, view)
{
    struct kafka_view view = {.broker_count = 3};
    struct kafka_topic *topic = kafka_view_found_topic(&view, "t", 2);
    (void)kafka_view_found_topic(&view, "gone", 1);
    topic->partitions[1].start = 5;
    topic->partitions[1].end = 10;
    topic->retention_ms = 60000;
    struct group *group = kafka_view_found_group(&view, "a\"b\\c\n");
    size_t hint;
    group_positions_begin(group, &hint);
    group_position_found(group, &hint, topic, 0, 3, true);
    group_position_found(group, &hint, topic, 1, 7, true);
    group_positions_end(group);
    group->positions[1].lag = 3;
    group->positions[1].age_ms = 1500;
    kafka_view_sweep(&view, true);
    (void)kafka_view_found_topic(&view, "t", 2);
    (void)kafka_view_found_group(&view, group->name);
    kafka_view_sweep(&view, true);
    struct buffer text;
    buffer_init(&text, 100000);
    kafka_render(&view, &text);
#define PLACE "{group=\"a\\\"b\\\\c\\n\",topic=\"t\",partition=\"1\"} "
    EXPECT_SAYS(text.bytes, "kafka_brokers 3\n");
    EXPECT_SAYS(text.bytes, "kafka_partition_oldest_offset{topic=\"t\",partition=\"1\"} 5\n");
    EXPECT_SAYS(text.bytes, "kafka_consumer_group_lag" PLACE "3\n");
    EXPECT_SAYS(text.bytes, "kafka_consumer_group_lag_seconds" PLACE "1.500\n");
    EXPECT_SAYS(text.bytes, "kafka_consumer_group_retention_margin" PLACE "2\n");
    EXPECT_SAYS(text.bytes, "kafka_consumer_group_retention_margin_seconds" PLACE "58.500\n");
    cr_expect(strstr(text.bytes,
                     "kafka_consumer_group_lag{group=\"a\\\"b\\\\c\\n\",topic=\"t\",partition=\"0\"}") ==
              NULL);
    cr_expect(strstr(text.bytes, "gone") == NULL);
    buffer_release(&text);
    group_positions_begin(group, &hint);
    group_position_found(group, &hint, topic, 1, 8, true);
    group_positions_end(group);
    cr_expect(eq(sz, group->position_count, 1));
    cr_expect(eq(i64, group->positions[0].committed, 8));
    kafka_view_release(&view);
}

static void commit_that(struct group *group, struct kafka_topic *topic, int64_t committed, bool counts)
{
    size_t hint;
    group_positions_begin(group, &hint);
    group_position_found(group, &hint, topic, 0, committed, counts);
    group_positions_end(group);
}

static void commit(struct group *group, struct kafka_topic *topic, int64_t committed)
{
    commit_that(group, topic, committed, true);
}

/* A broker that does not list its groups takes none away; their topics go all the same. */
Test(kafka_render, groups_that_were_not_listed_stay)
{
    struct kafka_view view = {0};
    struct kafka_topic *topic = kafka_view_found_topic(&view, "t", 1);
    commit(kafka_view_found_group(&view, "listed"), topic, 1);
    commit(kafka_view_found_group(&view, "silent"), topic, 2);
    commit(kafka_view_found_group(&view, "silent on a topic that goes"),
           kafka_view_found_topic(&view, "gone", 1), 3);
    kafka_view_sweep(&view, true);
    (void)kafka_view_found_topic(&view, "t", 1);
    (void)kafka_view_found_group(&view, "listed");
    kafka_view_sweep(&view, false);
    cr_expect(eq(sz, view.topic_count, 1));
    cr_assert(eq(sz, view.group_count, 3));
    cr_assert(eq(sz, kafka_view_group(&view, "silent")->position_count, 1));
    cr_expect(eq(i64, kafka_view_group(&view, "silent")->positions[0].committed, 2));
    cr_expect(eq(sz, kafka_view_group(&view, "silent on a topic that goes")->position_count, 0));
    (void)kafka_view_found_topic(&view, "t", 1);
    (void)kafka_view_found_group(&view, "listed");
    kafka_view_sweep(&view, true);
    cr_expect(eq(sz, view.group_count, 1));
    kafka_view_release(&view);
}

static void expect_lost(struct kafka_view *view, bool was_read, const char *lost)
{
    struct kafka_reader reader = {0}; /* there is nothing to read */
    struct buffer text;
    char line[100];
    view->was_read = was_read;
    kafka_lag_look(view, &reader, 1000);
    buffer_init(&text, 100000);
    kafka_render(view, &text);
    (void)snprintf(line, sizeof line,
                   "kafka_consumer_group_records_lost_total{group=\"g\",topic=\"t\",partition=\"0\"} %s\n",
                   lost);
    EXPECT_SAYS(text.bytes, line);
    buffer_release(&text);
}

/* Else increase() would not see the first loss. */
Test(kafka_render, a_loss_is_shown_after_a_scrape_has_read_0)
{
    struct kafka_view view = {0};
    struct kafka_topic *topic = kafka_view_found_topic(&view, "t", 1);
    struct partition *partition = &topic->partitions[0];
    partition->start = partition->end = 5;
    commit(kafka_view_found_group(&view, "g"), topic, 3);
    expect_lost(&view, true, "0"); /* what was read did not have it */
    expect_lost(&view, false, "0");
    expect_lost(&view, true, "2");
    partition->start = partition->end = 9;
    expect_lost(&view, false, "6");
    kafka_view_release(&view);
}

/* There are records from `start` to `end`; the oldest one's time is known. */
static void look_from_to(struct kafka_view *view, int64_t start, int64_t end)
{
    struct kafka_reader reader = {0};
    struct partition *partition = &view->topics[0]->partitions[0];
    partition->start = start;
    partition->end = end;
    view->now_ms = 5000;
    record_times_learn(
        &partition->times,
        (struct known_record){.from = start, .to = start, .time_ms = 2000, .answer = RECORD_AT});
    kafka_lag_look(view, &reader, 1000);
}

/* The topic was made anew: the group will begin at its start, which is not where that of the old one was. */
Test(kafka_render, a_commit_that_counts_for_nothing)
{
    struct kafka_view view = {.was_read = true};
    struct kafka_topic *topic = kafka_view_found_topic(&view, "t", 1);
    struct group *group = kafka_view_found_group(&view, "outbound-g");
    commit(group, topic, 1000);
    look_from_to(&view, 900, 1000);
    cr_expect(eq(i64, group->positions[0].lag, 0));
    commit_that(group, topic, 1000, false);
    look_from_to(&view, 10, 200);
    cr_expect(eq(i64, group->positions[0].lag, NOT_KNOWN)); /* the start is to be asked for */
    look_from_to(&view, 10, 200);
    cr_expect(eq(i64, group->positions[0].lag, 190));
    cr_expect(eq(i64, group->positions[0].age_ms, 3000));
    cr_expect(eq(i64, group->positions[0].lost, 0));
    cr_expect(not(group->moved));
    look_from_to(&view, 15, 1200);
    cr_expect(eq(i64, group->positions[0].lag, 1185));
    cr_expect(eq(i64, group->positions[0].lost, 5));
    commit(group, topic, 1100);
    record_times_release(&topic->partitions[0].times);
    look_from_to(&view, 1100, 1200);
    cr_expect(eq(i64, group->positions[0].lag, 100));
    cr_expect(eq(i64, group->positions[0].lost, 5));
    kafka_view_release(&view);
}

/* Then all groups are asked: a quiet one's commits may count for nothing now. */
Test(kafka_render, losses_that_become_known)
{
    static const struct {
        const char *lost; /* NULL: PostgreSQL has not told */
        bool news;
    } rows[] = {{NULL, false},         {"{}", true},  {"{}", false},       {"{\"t\": 2}", true},
                {"{\"t\": 2}", false}, {NULL, false}, {"{\"t\": 3}", true}};
    struct kafka_view view = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *lost = rows[i].lost ? json_loads(rows[i].lost, 0, NULL) : NULL;
        view.topics_changed = false;
        kafka_view_set_lost(&view, lost);
        json_decref(lost);
        cr_expect(eq(int, view.topics_changed, rows[i].news), "row %zu", i);
    }
    cr_expect(eq(int, json_integer_value(json_object_get(view.lost, "t")), 3));
    kafka_view_release(&view);
}

/* As schemas/tiers.c delays them: a tenth more at most, in steps of a partition. */
Test(kafka_render, retry_waits)
{
    cr_expect(eq(i64, retry_wait_ms(60000, 0, 12), 60000));
    cr_expect(eq(i64, retry_wait_ms(60000, 6, 12), 63000));
}
