#include "producer/kafka_look.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "support/leaks.h"
#include "support/mock_kafka.h"
#include "support/time_limit.h"

static struct mock_kafka mock;
static struct config config;
static struct kafka_look look;

/* Every topic is there but that of dead letters, which is recorded to have been. */
static void begin(void)
{
    static const struct log_options options = {LOG_ERROR, false, "outbound", "test", "unit"};
    struct error error = {0};
    log_configure(&options);
    time_limit();
    mock = mock_kafka_open();
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        mock_kafka_topic(&mock, topic_table[i].name, 2);
    }
    rd_kafka_mock_topic_set_error(mock.cluster, topic_name(TOPIC_DLQ),
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    config = (struct config){.kafka_brokers = mock.brokers, .kafka_properties = "", .retry_delays = "1ms"};
    cr_assert(kafka_look_open(&look, &config, &error), "%s", error.text);
    look.ends = json_pack("{s[ii]}", topic_name(TOPIC_DLQ), 0, 0);
}

static void end(void)
{
    kafka_look_close(&look);
    mock_kafka_close(&mock);
    no_leaks();
}

TestSuite(kafka_look, .init = begin, .fini = end);

Test(kafka_look, a_topic_that_is_missing_is_lost_at_the_third_look)
{
    for (int i = 0; i < 2; i++) {
        kafka_look(&look);
        cr_assert(eq(int, look.result, KAFKA_LOOK_FINE), "%s", look.why);
        cr_expect(eq(sz, json_array_size(json_object_get(look.seen_ends, topic_name(TOPIC_EVENTS))), 2));
    }
    kafka_look(&look);
    cr_expect(eq(int, look.result, KAFKA_LOOK_NO_TOPICS), "%s", look.why); /* this Kafka creates none */
    cr_expect(eq(str, look.why, (char *)"outbound.dlq [0] is missing"));
    cr_assert(eq(sz, json_array_size(look.lost), 1));
    cr_expect(
        eq(str, (char *)(uintptr_t)json_string_value(json_array_get(look.lost, 0)), (char *)"outbound.dlq"));
    cr_expect(json_object_get(look.seen_ends, topic_name(TOPIC_DLQ)) == NULL);
}

/* However many topics there are: after ten seconds of silence another producer looks. */
Test(kafka_look, a_slow_kafka_is_not_waited_for_topic_by_topic)
{
    const int64_t began_ms = clock_monotonic_ms();
    rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 900);
    kafka_look(&look);
    cr_expect(eq(int, look.result, KAFKA_LOOK_UNANSWERED));
    cr_expect(lt(i64, clock_monotonic_ms() - began_ms, 6000));
    rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 0);
}

static void all_topics_are_there(void)
{
    rd_kafka_mock_topic_set_error(mock.cluster, topic_name(TOPIC_DLQ), RD_KAFKA_RESP_ERR_NO_ERROR);
}

Test(kafka_look, where_all_is_well_most_looks_ask_for_the_ends_alone)
{
    all_topics_are_there();
    for (unsigned i = 0; i < 12; i++) {
        kafka_look(&look);
        cr_assert(eq(int, look.result, KAFKA_LOOK_FINE), "%s", look.why);
        cr_expect(eq(uint, look.looks, i % 5));
        const json_t *ends = json_object_get(look.seen_ends, topic_name(TOPIC_DLQ));
        cr_assert(eq(sz, json_array_size(ends), 2));
        const bool known = json_is_integer(json_array_get(ends, 1));
        cr_expect(known);
        cr_expect(look.seen_cluster_id != NULL);
    }
}

Test(kafka_look, ends_that_have_gone_back_are_seen_by_the_next_look)
{
    all_topics_are_there();
    kafka_look(&look);
    cr_assert(eq(int, look.result, KAFKA_LOOK_FINE), "%s", look.why);
    json_decref(look.ends);
    look.ends = json_pack("{s[ii]}", topic_name(TOPIC_EVENTS), 0, 7);
    kafka_look(&look);
    cr_expect(ne(int, look.result, KAFKA_LOOK_FINE));
    cr_expect(eq(str, look.why, (char *)"outbound.events [1] ends at 0 and has ended at 7"));
    cr_expect(eq(uint, look.looks, 0), "it was asked for in full before it was said");
}

/* A broker says so at once; this one goes on answering where its partitions end. */
Test(kafka_look, a_topic_that_goes_is_missed_by_the_fifth_look)
{
    all_topics_are_there();
    kafka_look(&look);
    rd_kafka_mock_topic_set_error(mock.cluster, topic_name(TOPIC_DLQ),
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    for (int i = 0; i < 5; i++) {
        kafka_look(&look);
    }
    cr_expect(eq(uint, look.missing, 1));
    kafka_look(&look);
    cr_expect(eq(uint, look.missing, 2), "what is amiss is looked at in full each time");
}
