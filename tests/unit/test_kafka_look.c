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
