#include "base/kafka_consumer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "support/chance.h"
#include "support/leaks.h"
#include "support/loop.h"
#include "support/mock_kafka.h"
#include "support/says.h"
#include "support/time_limit.h"

static void begin(void)
{
    static const struct log_options options = {LOG_ERROR, false, "outbound", "test", "unit"};
    log_configure(&options);
    time_limit();
}

TestSuite(kafka_consumer, .init = begin, .fini = no_leaks);

#define RECORDS ((size_t)2000)
#define PARTITIONS 3
#define TAKEN_MAX (10 * RECORDS) /* rebalances hand them out again */
#define TOPIC "things"

static struct test_loop loop;
static struct mock_kafka mock;
static int64_t in_partition[PARTITIONS]; /* records that each has; offsets start at 0 */

/* Produces some records, spread over the partitions in no regular way. */
static void produce(size_t count)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    cr_assert(rd_kafka_conf_set(conf, "bootstrap.servers", mock.brokers, reason, sizeof reason) ==
              RD_KAFKA_CONF_OK);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    cr_assert(producer != NULL, "%s", reason);
    uint64_t chance = 7;
    for (size_t i = 0; i < count; i++) {
        const int32_t partition = (int32_t)chance_below(&chance, PARTITIONS);
        cr_assert(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(TOPIC), RD_KAFKA_V_PARTITION(partition),
                                    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(&i, sizeof i),
                                    RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    cr_assert(eq(int, rd_kafka_flush(producer, 30000), 0));
    rd_kafka_destroy(producer);
}

/* A cluster with RECORDS records. */
static void open_with_records(void)
{
    loop_open(&loop);
    mock = mock_kafka_open();
    mock_kafka_topic(&mock, TOPIC, PARTITIONS);
    produce(RECORDS);
}

static void close_all(void)
{
    loop_close(&loop);
    mock_kafka_close(&mock);
}

struct taken {
    struct kafka_position position;
    int32_t partition;
};

/* One consumer and what it has handed out, in that order. */
struct fixture {
    struct kafka_consumer *consumer;
    size_t limit; /* takes no more than so many */
    size_t count;
    struct taken taken[TAKEN_MAX];
    int times[PARTITIONS][RECORDS]; /* by offset */
    int64_t postpone_every;         /* offset; 0: never */
    int postponed[PARTITIONS][RECORDS];
    int64_t until_ms[PARTITIONS];
};

#define POSTPONE_TIMES 2
#define POSTPONE_MS 100

/* Each so many records one is postponed, more than once; it must not come before its time. */
static bool postpone(struct fixture *fixture, rd_kafka_message_t *record, struct kafka_position position)
{
    const int partition = record->partition;
    if (fixture->postpone_every == 0 || record->offset % fixture->postpone_every != 0) {
        return false;
    }
    cr_assert(ge(i64, clock_monotonic_ms(), fixture->until_ms[partition]));
    if (fixture->postponed[partition][record->offset] == POSTPONE_TIMES) {
        return false;
    }
    fixture->postponed[partition][record->offset]++;
    fixture->until_ms[partition] = clock_monotonic_ms() + POSTPONE_MS;
    kafka_consumer_postpone(fixture->consumer, record, position, fixture->until_ms[partition]);
    return true;
}

static void on_records(void *arg)
{
    struct fixture *fixture = arg;
    struct kafka_position position;
    rd_kafka_message_t *record;
    while (fixture->consumer && fixture->count < fixture->limit &&
           (record = kafka_consumer_take(fixture->consumer, &position))) {
        cr_assert(eq(i64, position.offset, record->offset));
        if (postpone(fixture, record, position)) {
            continue;
        }
        cr_assert(lt(sz, fixture->count, TAKEN_MAX));
        fixture->taken[fixture->count++] = (struct taken){position, record->partition};
        fixture->times[record->partition][record->offset]++;
        rd_kafka_message_destroy(record);
    }
}

static void on_fatal(void *arg)
{
    (void)arg;
    cr_fatal("the consumer had a fatal error");
}

/* `lost`: see kafka_lost.h. */
static void consumer_open_after(struct fixture *fixture, size_t limit, const char *lost)
{
    static const char *const topics[] = {TOPIC};
    memset(fixture, 0, sizeof *fixture);
    fixture->limit = limit;
    const struct kafka_consumer_options options = {.kafka = {mock.brokers, "unit", NULL},
                                                   .group_id = "group",
                                                   .instance_id = "",
                                                   .session_timeout_ms = 6000,
                                                   .topics = topics,
                                                   .topic_count = 1,
                                                   .on_records = on_records,
                                                   .on_fatal = on_fatal,
                                                   .arg = fixture};
    struct error error = {0};
    fixture->consumer = kafka_consumer_open(&loop.uv, &options, &error);
    cr_assert(fixture->consumer != NULL, "%s", error.text);
    json_t *losses = json_loads(lost, 0, NULL);
    kafka_consumer_join(fixture->consumer, losses);
    json_decref(losses);
}

static void consumer_open(struct fixture *fixture, size_t limit)
{
    consumer_open_after(fixture, limit, "{}");
}

static void consumer_close(struct fixture *fixture)
{
    struct kafka_consumer *consumer = fixture->consumer;
    fixture->consumer = NULL;
    kafka_consumer_close(consumer);
}

static void shuffle(struct taken *taken, size_t count, uint64_t *chance)
{
    for (size_t i = count; i > 1; i--) {
        const size_t other = chance_below(chance, i);
        const struct taken last = taken[i - 1];
        taken[i - 1] = taken[other];
        taken[other] = last;
    }
}

/* Each record once, in the order of their offsets within each partition. */
static void expect_all_in_order(const struct fixture *fixture)
{
    int64_t next[PARTITIONS] = {0};
    cr_assert(eq(sz, fixture->count, RECORDS));
    for (size_t i = 0; i < fixture->count; i++) {
        const struct taken *taken = &fixture->taken[i];
        cr_assert(eq(i64, taken->position.offset, next[taken->partition]++), "record %zu, partition %d", i,
                  taken->partition);
    }
    for (int partition = 0; partition < PARTITIONS; partition++) {
        in_partition[partition] = next[partition];
        cr_expect(gt(i64, next[partition], 0), "partition %d is empty", partition);
    }
}

/* A new member of the group gets exactly what lies at `committed` and behind. */
static void expect_rest_after(const char *lost, const int64_t committed[PARTITIONS])
{
    static struct fixture after;
    size_t rest = 0;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        rest += (size_t)(in_partition[partition] - committed[partition]);
    }
    consumer_open_after(&after, RECORDS, lost);
    LOOP_UNTIL(&loop, after.count >= rest && kafka_consumer_assigned(after.consumer) == PARTITIONS);
    consumer_close(&after);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        for (int64_t offset = 0; offset < in_partition[partition]; offset++) {
            cr_assert(eq(int, after.times[partition][offset], offset >= committed[partition]),
                      "partition %d, committed %d, offset %d", partition, (int)committed[partition],
                      (int)offset);
        }
    }
}

static void expect_rest(const int64_t committed[PARTITIONS])
{
    expect_rest_after("{}", committed);
}

Test(kafka_consumer, what_is_finished_does_not_come_again_and_the_rest_does)
{
    static struct fixture first;
    uint64_t chance = 1;
    open_with_records();
    consumer_open(&first, RECORDS);
    LOOP_UNTIL(&loop, first.count == RECORDS);
    expect_all_in_order(&first);

    /* The first partition up to its middle, the second whole, the third but for one record; in random order.
     */
    const int64_t gap = 17;
    shuffle(first.taken, RECORDS, &chance);
    for (size_t i = 0; i < RECORDS; i++) {
        const struct taken *taken = &first.taken[i];
        const int64_t offset = taken->position.offset;
        if (taken->partition == 0 ? offset < in_partition[0] / 2 : taken->partition == 1 || offset != gap) {
            kafka_consumer_finish(first.consumer, taken->position);
        }
    }
    consumer_close(&first);

    /* The one that is missing holds back all behind it. */
    const int64_t committed[PARTITIONS] = {in_partition[0] / 2, in_partition[1], gap};
    expect_rest(committed);
    close_all();
}

/* A rebalance hands the records out again: what was taken before it has no say any more. */
Test(kafka_consumer, finishing_a_record_of_an_earlier_assignment_does_nothing)
{
    static struct fixture first;
    static struct fixture second;
    static struct taken old[RECORDS];
    open_with_records();
    consumer_open(&first, TAKEN_MAX);
    LOOP_UNTIL(&loop, first.count == RECORDS);
    expect_all_in_order(&first);
    memcpy(old, first.taken, sizeof old);

    consumer_open(&second, TAKEN_MAX);
    LOOP_UNTIL(&loop, second.count > 0 && first.count + second.count >= 2 * RECORDS);
    for (size_t i = 0; i < RECORDS; i++) {
        kafka_consumer_finish(first.consumer, old[i].position);
    }
    consumer_close(&first);
    consumer_close(&second);
    const int64_t nothing[PARTITIONS] = {0};
    expect_rest(nothing);
    close_all();
}

Test(kafka_consumer, a_new_client_begins_with_what_was_not_committed)
{
    static struct fixture fixture;
    static struct taken old[RECORDS];
    open_with_records();
    consumer_open(&fixture, TAKEN_MAX);
    LOOP_UNTIL(&loop, fixture.count == RECORDS);
    memcpy(old, fixture.taken, sizeof old);

    /* librdkafka would commit it when the old client gives its partitions back. */
    for (size_t i = 0; i < RECORDS / 2; i++) {
        kafka_consumer_finish(fixture.consumer, old[i].position);
    }
    kafka_consumer_join(fixture.consumer, NULL);
    LOOP_UNTIL(&loop,
               fixture.count == 2 * RECORDS && kafka_consumer_assigned(fixture.consumer) == PARTITIONS);
    memmove(fixture.taken, fixture.taken + RECORDS, sizeof old);
    fixture.count = RECORDS;
    expect_all_in_order(&fixture);
    /* What the old client handed out has no say any more. */
    for (size_t i = 0; i < RECORDS; i++) {
        kafka_consumer_finish(fixture.consumer, old[i].position);
    }
    consumer_close(&fixture);
    const int64_t nothing[PARTITIONS] = {0};
    expect_rest(nothing);
    close_all();
}

/* A topic that was made anew since: what is committed of it is a place in records that are gone. */
Test(kafka_consumer, what_was_committed_before_a_loss_counts_for_nothing_and_after_it_does)
{
    static struct fixture before;
    static struct fixture after;
    open_with_records();
    consumer_open(&before, RECORDS);
    LOOP_UNTIL(&loop, before.count == RECORDS);
    expect_all_in_order(&before);
    for (size_t i = 0; i < RECORDS; i++) {
        kafka_consumer_finish(before.consumer, before.taken[i].position);
    }
    consumer_close(&before);

    consumer_open_after(&after, RECORDS, "{\"" TOPIC "\": 1}");
    LOOP_UNTIL(&loop, after.count == RECORDS);
    expect_all_in_order(&after);
    for (size_t i = 0; i < RECORDS; i++) {
        if (after.taken[i].partition != 0) {
            kafka_consumer_finish(after.consumer, after.taken[i].position);
        }
    }
    consumer_close(&after);
    const int64_t nothing[PARTITIONS] = {0};
    const int64_t committed[PARTITIONS] = {0, in_partition[1], in_partition[2]};
    expect_rest_after("{\"" TOPIC "\": 1, \"other\": 2}", committed);
    expect_rest_after("{\"" TOPIC "\": 1, \"*\": 2}", nothing);
    close_all();
}

Test(kafka_consumer, who_gets_no_answer_to_what_was_committed_asks_again_and_begins_nowhere_else)
{
    static struct fixture before;
    open_with_records();
    consumer_open_after(&before, RECORDS, "{\"" TOPIC "\": 1}");
    LOOP_UNTIL(&loop, before.count == RECORDS);
    expect_all_in_order(&before);
    for (size_t i = 0; i < RECORDS; i++) {
        if (before.taken[i].partition != 0) {
            kafka_consumer_finish(before.consumer, before.taken[i].position);
        }
    }
    consumer_close(&before);
    mock_kafka_refuse(&mock, MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_UNKNOWN);
    const int64_t committed[PARTITIONS] = {0, in_partition[1], in_partition[2]};
    expect_rest_after("{\"" TOPIC "\": 1}", committed);
    close_all();
}

/* Time for the consumer to serve itself. */
static void run_for(uint64_t ms)
{
    const uint64_t until = uv_now(&loop.uv) + ms;
    LOOP_UNTIL(&loop, uv_now(&loop.uv) >= until);
}

/* Partitions are paused after a second without room: what was prefetched then comes once more, but only then.
 */
Test(kafka_consumer, a_pause_neither_loses_nor_repeats)
{
    static const uint64_t pauses_ms[] = {0, 1700, 300, 0, 1700};
    static struct fixture fixture;
    open_with_records();
    consumer_open(&fixture, 0);
    for (size_t i = 0; i < sizeof pauses_ms / sizeof *pauses_ms; i++) {
        fixture.limit += 300;
        LOOP_UNTIL(&loop, fixture.count == fixture.limit);
        fixture.limit = RECORDS;
        kafka_consumer_set_room(fixture.consumer, false);
        kafka_consumer_set_room(fixture.consumer, false);
        run_for(pauses_ms[i]);
        cr_expect(eq(sz, fixture.count, 300 * (i + 1)), "called without room");
        fixture.limit = fixture.count;
        kafka_consumer_set_room(fixture.consumer, true);
        kafka_consumer_set_room(fixture.consumer, true);
    }
    fixture.limit = RECORDS;
    LOOP_UNTIL(&loop, fixture.count == RECORDS);
    expect_all_in_order(&fixture);
    consumer_close(&fixture);
    close_all();
}

Test(kafka_consumer, a_pause_holds_for_partitions_that_are_assigned_later)
{
    static struct fixture fixture;
    open_with_records();
    consumer_open(&fixture, RECORDS);
    kafka_consumer_set_room(fixture.consumer, false);
    LOOP_UNTIL(&loop, kafka_consumer_assigned(fixture.consumer) == PARTITIONS);
    run_for(500);
    cr_expect(eq(sz, fixture.count, 0), "called without room");
    kafka_consumer_set_room(fixture.consumer, true);
    LOOP_UNTIL(&loop, fixture.count == RECORDS);
    expect_all_in_order(&fixture);
    consumer_close(&fixture);
    close_all();
}

/* The last record of each partition was taken since `times` was cleared. */
static bool took_all_ends(const struct fixture *fixture)
{
    bool all = true;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        all = all && fixture->times[partition][in_partition[partition] - 1] > 0;
    }
    return all;
}

/* What lies behind a postponed record waits with it. */
Test(kafka_consumer, what_is_postponed_comes_again_in_its_place)
{
    static struct fixture first;
    open_with_records();
    consumer_open(&first, TAKEN_MAX);
    first.postpone_every = 250;
    LOOP_UNTIL(&loop, first.count == RECORDS);
    expect_all_in_order(&first);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        for (int64_t offset = 0; offset < in_partition[partition]; offset += first.postpone_every) {
            cr_assert(eq(int, first.postponed[partition][offset], POSTPONE_TIMES), "[%d] %d", partition,
                      (int)offset);
        }
    }
    for (size_t i = 0; i < RECORDS; i++) {
        kafka_consumer_finish(first.consumer, first.taken[i].position);
    }
    consumer_close(&first);
    const int64_t committed[PARTITIONS] = {in_partition[0], in_partition[1], in_partition[2]};
    expect_rest(committed);
    close_all();
}

/* A pause belongs to an assignment: librdkafka would keep it over the next one, and nothing would come. */
Test(kafka_consumer, partitions_that_were_lost_while_paused_flow_again)
{
    static struct fixture first;
    static struct fixture second;
    open_with_records();
    consumer_open(&first, TAKEN_MAX);
    LOOP_UNTIL(&loop, first.count == RECORDS);
    expect_all_in_order(&first);
    kafka_consumer_set_room(first.consumer, false);
    run_for(1700);
    consumer_open(&second, TAKEN_MAX);
    LOOP_UNTIL(&loop, second.count > 0);
    memset(first.times, 0, sizeof first.times);
    kafka_consumer_set_room(first.consumer, true);
    consumer_close(&second);
    LOOP_UNTIL(&loop, took_all_ends(&first)); /* nothing was finished: all of it comes once more */
    consumer_close(&first);
    close_all();
}

/* resume() on what is not paused makes librdkafka 2.0.2 start over from the committed offset. */
Test(kafka_consumer, room_that_comes_and_goes_repeats_nothing)
{
    static struct fixture fixture;
    open_with_records();
    consumer_open(&fixture, 0);
    while (fixture.count < RECORDS) {
        fixture.limit += 250;
        LOOP_UNTIL(&loop, fixture.count == fixture.limit);
        kafka_consumer_set_room(fixture.consumer, false);
        kafka_consumer_set_room(fixture.consumer, true);
    }
    expect_all_in_order(&fixture);

    /* Everything was taken: a new record wakes the loop, but not who has no room for it. */
    fixture.limit = TAKEN_MAX;
    kafka_consumer_set_room(fixture.consumer, false);
    produce(1);
    run_for(500);
    cr_expect(eq(sz, fixture.count, RECORDS), "called without room");
    kafka_consumer_set_room(fixture.consumer, true);
    LOOP_UNTIL(&loop, fixture.count == RECORDS + 1);
    consumer_close(&fixture);
    close_all();
}

/* What this guards against is there. */
Test(kafka_consumer, control_librdkafka_repeats_after_a_needless_resume)
{
    open_with_records();
    struct error error = {0};
    const struct kafka_options options = {mock.brokers, "unit", NULL};
    rd_kafka_conf_t *conf = kafka_conf_new(&options, &error);
    kafka_conf_set(conf, "group.id", "plain");
    kafka_conf_set(conf, "auto.offset.reset", "earliest");
    rd_kafka_t *plain = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error.text, sizeof error.text);
    cr_assert(plain != NULL, "%s", error.text);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, TOPIC, 0)->offset = 0;
    cr_assert(eq(int, rd_kafka_assign(plain, list), 0));
    int64_t last = -1;
    int repeated = 0;
    for (size_t taken = 0; taken < RECORDS && repeated == 0;) {
        rd_kafka_message_t *record = rd_kafka_consumer_poll(plain, 1000);
        if (record && !record->err) {
            repeated += record->offset <= last;
            last = record->offset;
            if (++taken % 100 == 0) {
                (void)rd_kafka_resume_partitions(plain, list);
            }
        }
        if (record) {
            rd_kafka_message_destroy(record);
        }
    }
    cr_expect(gt(int, repeated, 0));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(plain);
    close_all();
}

Test(kafka_consumer, wrong_properties_keep_it_from_opening)
{
    static const char *const topics[] = {TOPIC};
    loop_open(&loop);
    const struct kafka_consumer_options options = {.kafka = {"b:1", "unit", "no.such=1"},
                                                   .group_id = "group",
                                                   .instance_id = "",
                                                   .session_timeout_ms = 6000,
                                                   .topics = topics,
                                                   .topic_count = 1,
                                                   .on_records = on_records};
    struct error error = {0};
    cr_expect(kafka_consumer_open(&loop.uv, &options, &error) == NULL);
    EXPECT_SAYS(error.text, "no.such");
    kafka_consumer_close(NULL);
    loop_close(&loop);
}
