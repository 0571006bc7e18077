#include "base/kafka_producer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
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

TestSuite(kafka_producer, .init = begin, .fini = no_leaks);

#define RECORDS 2000
#define TOPIC "things"
#define PARTITIONS 4

/* A producer on a cluster of its own, and what it reported of each ticket. */
struct fixture {
    struct test_loop loop;
    struct mock_kafka mock;
    struct kafka_producer *producer;
    int reports[RECORDS];
    int failures[RECORDS];
    bool sends_again; /* what was refused, from within its report */
    int reported;
    char reason[200]; /* of the last failure */
};

static bool send_number(struct fixture *fixture, uint64_t ticket);

static void on_delivery(void *arg, uint64_t ticket, const char *reason)
{
    struct fixture *fixture = arg;
    cr_assert(lt(u64, ticket, RECORDS));
    fixture->reports[ticket]++;
    fixture->reported++;
    if (reason) {
        fixture->failures[ticket]++;
        (void)snprintf(fixture->reason, sizeof fixture->reason, "%s", reason);
        if (fixture->sends_again) {
            (void)send_number(fixture, ticket);
        }
    }
}

static void cluster_open(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    loop_open(&fixture->loop);
    fixture->mock = mock_kafka_open();
    mock_kafka_topic(&fixture->mock, TOPIC, PARTITIONS);
}

static void producer_open_with(struct fixture *fixture, unsigned message_timeout_ms, const char *properties)
{
    const struct kafka_producer_options options = {
        .kafka = {fixture->mock.brokers, "unit", properties},
        .message_timeout_ms = message_timeout_ms,
        .on_delivery = on_delivery,
        .arg = fixture,
    };
    struct error error = {0};
    fixture->producer = kafka_producer_open(&fixture->loop.uv, &options, &error);
    cr_assert(fixture->producer != NULL, "%s", error.text);
}

static void producer_open(struct fixture *fixture, unsigned message_timeout_ms)
{
    producer_open_with(fixture, message_timeout_ms, NULL);
}

static void fixture_open(struct fixture *fixture, unsigned message_timeout_ms)
{
    cluster_open(fixture);
    producer_open(fixture, message_timeout_ms);
}

static void fixture_close(struct fixture *fixture)
{
    kafka_producer_close(fixture->producer);
    loop_close(&fixture->loop);
    mock_kafka_close(&fixture->mock);
}

static bool send_number(struct fixture *fixture, uint64_t ticket)
{
    char value[32];
    (void)snprintf(value, sizeof value, "%llu", (unsigned long long)ticket);
    const struct kafka_record_out record = {.topic = TOPIC,
                                            .key = value,
                                            .key_length = strlen(value),
                                            .value = value,
                                            .value_length = strlen(value),
                                            .ticket = ticket};
    return kafka_producer_send(fixture->producer, &record);
}

/* One report of the ticket, and it says so. */
static void expect_report(const struct fixture *fixture, uint64_t ticket, bool fine)
{
    cr_expect(eq(int, fixture->reports[ticket], 1), "reports of ticket %d", (int)ticket);
    cr_expect(eq(int, fixture->failures[ticket], !fine), "failures of ticket %d", (int)ticket);
}

Test(kafka_producer, every_record_is_reported_once)
{
    static struct fixture fixture;
    fixture_open(&fixture, 60000);
    for (uint64_t ticket = 0; ticket < RECORDS; ticket++) {
        cr_assert(send_number(&fixture, ticket));
    }
    cr_expect(eq(sz, kafka_producer_in_flight(fixture.producer), RECORDS));
    cr_expect(eq(int, fixture.reported, 0), "reported from within the call that sends");
    LOOP_UNTIL(&fixture.loop, fixture.reported == RECORDS);
    for (uint64_t ticket = 0; ticket < RECORDS; ticket++) {
        expect_report(&fixture, ticket, true);
    }
    cr_expect(eq(sz, kafka_producer_in_flight(fixture.producer), 0));
    LOOP_UNTIL(&fixture.loop, kafka_producer_is_connected(fixture.producer));
    fixture_close(&fixture);
}

Test(kafka_producer, a_refused_record_is_reported_as_failed)
{
    static struct fixture fixture;
    fixture_open(&fixture, 60000);
    mock_kafka_refuse(&fixture.mock, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    cr_assert(send_number(&fixture, 7));
    LOOP_UNTIL(&fixture.loop, fixture.reported == 1);
    expect_report(&fixture, 7, false);
    EXPECT_SAYS(fixture.reason, "authorization");

    uint64_t ticket = 7;
    while (fixture.failures[ticket]) { /* librdkafka has to find the topic again first */
        cr_assert(send_number(&fixture, ++ticket));
        LOOP_UNTIL(&fixture.loop, fixture.reports[ticket] > 0);
    }
    expect_report(&fixture, ticket, true);
    fixture_close(&fixture);
}

Test(kafka_producer, what_is_held_does_not_go_out_by_a_client_that_is_replaced)
{
    static struct fixture fixture;
    fixture_open(&fixture, 60000);
    cr_assert(send_number(&fixture, 1));
    LOOP_UNTIL(&fixture.loop, fixture.reported == 1);
    cr_assert(send_number(&fixture, 2));
    kafka_producer_reopen(fixture.producer);
    cr_expect(not(send_number(&fixture, 3)));
    LOOP_UNTIL(&fixture.loop, fixture.reported == 2);
    expect_report(&fixture, 2, false);
    EXPECT_SAYS(fixture.reason, "replaced");
    LOOP_UNTIL(&fixture.loop, send_number(&fixture, 4));
    LOOP_UNTIL(&fixture.loop, fixture.reported == 3);
    expect_report(&fixture, 4, true);
    fixture_close(&fixture);
}

Test(kafka_producer, what_is_held_is_reported_when_the_producer_is_closed)
{
    static struct fixture fixture;
    fixture_open(&fixture, 60000);
    for (uint64_t ticket = 1; ticket <= 3; ticket++) {
        cr_assert(send_number(&fixture, ticket));
    }
    fixture_close(&fixture);
    for (uint64_t ticket = 1; ticket <= 3; ticket++) {
        expect_report(&fixture, ticket, false);
    }
}

/* Otherwise nothing else would ever be served. */
Test(kafka_producer, who_sends_again_at_each_refusal_does_not_stop_the_loop)
{
    static struct fixture fixture;
    cluster_open(&fixture);
    producer_open_with(&fixture, 60000, "topic.metadata.propagation.max.ms=50");
    rd_kafka_mock_topic_set_error(fixture.mock.cluster, TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    fixture.sends_again = true;
    cr_assert(send_number(&fixture, 5));
    LOOP_UNTIL(&fixture.loop, fixture.failures[5] >= 3);
    fixture.sends_again = false;
    LOOP_UNTIL(&fixture.loop, kafka_producer_in_flight(fixture.producer) == 0);
    fixture_close(&fixture);
}

/* Its headers are freed once. */
Test(kafka_producer, a_topic_that_goes_away_takes_no_more)
{
    static struct fixture fixture;
    cluster_open(&fixture);
    producer_open_with(&fixture, 60000, "topic.metadata.propagation.max.ms=50");
    static const struct kafka_header headers[] = {{"one", "1", 1}, {"two", "2", 1}, {0}};
    const struct kafka_record_out record = {.topic = TOPIC, .key = "", .value = "", .headers = headers};
    cr_assert(kafka_producer_send(fixture.producer, &record));
    LOOP_UNTIL(&fixture.loop, fixture.reported == 1);
    rd_kafka_mock_topic_set_error(fixture.mock.cluster, TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    mock_kafka_refuse(&fixture.mock, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART); /* look again */
    while (fixture.failures[0] == 0) {
        cr_assert(kafka_producer_send(fixture.producer, &record));
        LOOP_UNTIL(&fixture.loop, kafka_producer_in_flight(fixture.producer) == 0);
    }
    const int before = fixture.failures[0];
    for (int i = 0; i < 100; i++) {
        cr_assert(kafka_producer_send(fixture.producer, &record));
    }
    LOOP_UNTIL(&fixture.loop, kafka_producer_in_flight(fixture.producer) == 0);
    cr_expect(eq(int, fixture.failures[0], before + 100));
    fixture_close(&fixture);
}

Test(kafka_producer, a_passing_error_is_not_reported)
{
    static struct fixture fixture;
    fixture_open(&fixture, 60000);
    mock_kafka_refuse(&fixture.mock, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    cr_assert(send_number(&fixture, 3));
    LOOP_UNTIL(&fixture.loop, fixture.reported == 1);
    expect_report(&fixture, 3, true);
    fixture_close(&fixture);
}

Test(kafka_producer, a_record_that_nobody_acknowledges_is_reported_in_time)
{
    static struct fixture fixture;
    fixture_open(&fixture, 1000);
    cr_assert(rd_kafka_mock_broker_set_down(fixture.mock.cluster, -1) == 0);
    cr_assert(send_number(&fixture, 1));
    LOOP_UNTIL(&fixture.loop, fixture.reported == 1);
    expect_report(&fixture, 1, false);
    EXPECT_SAYS(fixture.reason, "timed out");
    cr_expect(eq(sz, kafka_producer_in_flight(fixture.producer), 0));
    cr_expect(not(kafka_producer_is_connected(fixture.producer)));
    fixture_close(&fixture);
}

Test(kafka_producer, close_reports_what_is_in_flight_as_failed)
{
    static struct fixture fixture;
    fixture_open(&fixture, 60000);
    cr_assert(rd_kafka_mock_broker_set_down(fixture.mock.cluster, -1) == 0);
    for (uint64_t ticket = 0; ticket < 100; ticket++) {
        cr_assert(send_number(&fixture, ticket));
    }
    fixture_close(&fixture);
    cr_expect(eq(int, fixture.reported, 100));
    for (uint64_t ticket = 0; ticket < 100; ticket++) {
        expect_report(&fixture, ticket, false);
    }
}

/* An idempotent producer may end for good: a new one takes its place, and nothing is left without a report.
 */
Test(kafka_producer, a_fatal_error_is_followed_by_a_new_client)
{
    static struct fixture fixture;
    cluster_open(&fixture);
    for (int i = 0; i < 3;
         i++) { /* a client whose connection breaks meanwhile asks again before it gives up */
        mock_kafka_refuse(&fixture.mock, MOCK_INIT_PRODUCER_ID,
                          RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    }
    producer_open(&fixture, 60000);
    uint64_t ticket = 0;
    int taken = 0;
    bool failed = false;
    /* Records meet the broken client, then the gap between two clients, then the new one. */
    for (; ticket < RECORDS; ticket++) {
        if (send_number(&fixture, ticket)) {
            taken++;
            LOOP_UNTIL(&fixture.loop, fixture.reported == taken);
            cr_assert(eq(int, fixture.reports[ticket], 1));
            failed = failed || fixture.failures[ticket] > 0;
            if (failed && fixture.failures[ticket] == 0) {
                break;
            }
        } else {
            (void)uv_run(&fixture.loop.uv, UV_RUN_ONCE);
        }
    }
    cr_expect(failed, "the client had no fatal error");
    cr_expect(eq(int, fixture.failures[ticket], 0));
    cr_expect(eq(sz, kafka_producer_in_flight(fixture.producer), 0));
    fixture_close(&fixture);
}

Test(kafka_producer, a_new_client_takes_over_and_each_record_is_reported_once)
{
    static struct fixture fixture;
    cluster_open(&fixture);
    producer_open(&fixture, 60000);
    uint64_t ticket = 0;
    for (; ticket < 100; ticket++) {
        cr_assert(send_number(&fixture, ticket));
    }
    kafka_producer_reopen(fixture.producer);
    LOOP_UNTIL(&fixture.loop, fixture.reported == 100);
    LOOP_UNTIL(&fixture.loop, send_number(&fixture, ticket));
    LOOP_UNTIL(&fixture.loop, fixture.reported == 101);
    for (uint64_t i = 0; i <= ticket; i++) {
        cr_expect(eq(int, fixture.reports[i], 1));
    }
    cr_expect(eq(int, fixture.failures[ticket], 0));
    cr_expect(eq(sz, kafka_producer_in_flight(fixture.producer), 0));
    fixture_close(&fixture);
}

/* A reader of the whole topic. */
static rd_kafka_t *reader_open(struct fixture *fixture)
{
    struct error error;
    const struct kafka_options options = {fixture->mock.brokers, "reader", NULL};
    rd_kafka_conf_t *conf = kafka_conf_new(&options, &error);
    kafka_conf_set(conf, "group.id", "reader");
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error.text, sizeof error.text);
    cr_assert(reader != NULL, "%s", error.text);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        rd_kafka_topic_partition_list_add(list, TOPIC, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    cr_assert(eq(int, rd_kafka_assign(reader, list), 0));
    rd_kafka_topic_partition_list_destroy(list);
    return reader;
}

static rd_kafka_message_t *read_one(rd_kafka_t *reader)
{
    rd_kafka_message_t *message;
    while (!(message = rd_kafka_consumer_poll(reader, 1000)) || message->err) {
        if (message) {
            rd_kafka_message_destroy(message);
        }
    }
    return message;
}

/* Records that follow each other share a partition for some milliseconds; in the long run all are used. */
#define BURST 1600

Test(kafka_producer, records_share_a_partition_for_a_while)
{
    static struct fixture fixture;
    static int32_t partition_of[RECORDS];
    int used[PARTITIONS] = {0};
    fixture_open(&fixture, 60000);
    cr_assert(send_number(&fixture, 0)); /* partitions are known then */
    LOOP_UNTIL(&fixture.loop, fixture.reported == 1);

    int sent = 1;
    const int64_t began_ms = clock_monotonic_ms();
    while (sent < BURST) {
        cr_assert(send_number(&fixture, (uint64_t)sent++));
    }
    const int64_t burst_ms = clock_monotonic_ms() - began_ms;
    while (sent < RECORDS) { /* then at most one in a millisecond */
        const int64_t now_ms = clock_monotonic_ms();
        cr_assert(send_number(&fixture, (uint64_t)sent++));
        LOOP_UNTIL(&fixture.loop, clock_monotonic_ms() > now_ms);
    }
    LOOP_UNTIL(&fixture.loop, fixture.reported == RECORDS);

    rd_kafka_t *reader = reader_open(&fixture);
    for (int i = 0; i < RECORDS; i++) {
        rd_kafka_message_t *message = read_one(reader);
        char number[32];
        (void)snprintf(number, sizeof number, "%.*s", (int)message->len, (const char *)message->payload);
        partition_of[strtol(number, NULL, 10)] = message->partition;
        used[message->partition]++;
        rd_kafka_message_destroy(message);
    }
    int64_t changes = 0;
    for (int i = 2; i < BURST; i++) {
        changes += partition_of[i] != partition_of[i - 1];
    }
    cr_expect(le(i64, changes, burst_ms / 10 + 1), "a burst that took %d ms", (int)burst_ms);
    for (int partition = 0; partition < PARTITIONS; partition++) {
        cr_expect(gt(int, used[partition], 0), "partition %d", partition);
    }
    rd_kafka_destroy(reader);
    fixture_close(&fixture);
}

static void expect_header(const rd_kafka_message_t *message, const char *name, const char *bytes,
                          size_t wanted)
{
    size_t length = 0;
    const char *value = kafka_header_get(message, name, &length);
    cr_assert(value != NULL, "%s", name);
    cr_expect(length == wanted && memcmp(value, bytes, wanted) == 0, "%s", name);
}

Test(kafka_producer, key_value_and_headers_arrive_byte_for_byte)
{
    static struct fixture fixture;
    fixture_open(&fixture, 60000);
    const struct kafka_header headers[] = {
        {"first", "one", 3},
        {"twice", "old", 3},
        {"left-out", NULL, 0},
        {"bytes", "\0\xff", 2},
        {"twice", "new", 3},
        {"empty", "", 0},
        {0},
    };
    const struct kafka_record_out record = {.topic = TOPIC,
                                            .key = "k\0y",
                                            .key_length = 3,
                                            .value = "\0value\xff",
                                            .value_length = 7,
                                            .headers = headers};
    cr_assert(kafka_producer_send(fixture.producer, &record));
    LOOP_UNTIL(&fixture.loop, fixture.reported == 1);

    rd_kafka_t *reader = reader_open(&fixture);
    rd_kafka_message_t *message = read_one(reader);
    cr_expect(message->key_len == 3 && memcmp(message->key, "k\0y", 3) == 0);
    cr_expect(message->len == 7 && memcmp(message->payload, "\0value\xff", 7) == 0);
    expect_header(message, "first", "one", 3);
    expect_header(message, "twice", "new", 3);
    expect_header(message, "bytes", "\0\xff", 2);
    expect_header(message, "empty", "", 0);
    size_t length;
    cr_expect(kafka_header_get(message, "left-out", &length) == NULL);
    cr_expect(kafka_header_get(message, "First", &length) == NULL);
    rd_kafka_message_destroy(message);
    rd_kafka_destroy(reader);
    fixture_close(&fixture);
}

Test(kafka_producer, a_record_may_have_neither_key_nor_value_nor_headers)
{
    static struct fixture fixture;
    fixture_open(&fixture, 60000);
    const struct kafka_record_out record = {.topic = TOPIC};
    cr_assert(kafka_producer_send(fixture.producer, &record));
    LOOP_UNTIL(&fixture.loop, fixture.reported == 1);
    expect_report(&fixture, 0, true);
    rd_kafka_t *reader = reader_open(&fixture);
    rd_kafka_message_t *message = read_one(reader);
    cr_expect(message->key == NULL);
    cr_expect(message->payload == NULL);
    size_t length;
    cr_expect(kafka_header_get(message, "any", &length) == NULL);
    rd_kafka_message_destroy(message);
    rd_kafka_destroy(reader);
    fixture_close(&fixture);
}

Test(kafka_producer, wrong_properties_keep_it_from_opening)
{
    struct test_loop loop;
    loop_open(&loop);
    const struct kafka_producer_options options = {.kafka = {"b:1", "unit", "no.such=1"},
                                                   .message_timeout_ms = 1000};
    struct error error = {0};
    cr_expect(kafka_producer_open(&loop.uv, &options, &error) == NULL);
    EXPECT_SAYS(error.text, "no.such");
    kafka_producer_close(NULL);
    loop_close(&loop);
}
