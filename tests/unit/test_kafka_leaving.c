#include "base/kafka_leaving.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/clock.h"
#include "base/kafka.h"
#include "base/log.h"
#include "support/leaks.h"
#include "support/mock_kafka.h"
#include "support/time_limit.h"

#define TOPIC "things"
#define WAIT_MS 2000

static struct mock_kafka mock;
static rd_kafka_t *member;

/* A member of a group that has its partitions. */
static void begin(void)
{
    static const struct log_options log = {LOG_ERROR, false, "outbound", "test", "unit"};
    log_configure(&log);
    time_limit();
    mock = mock_kafka_open();
    mock_kafka_topic(&mock, TOPIC, 2);
    struct error error = {0};
    const struct kafka_options options = {mock.brokers, "unit", NULL};
    rd_kafka_conf_t *conf = kafka_conf_new(&options, &error);
    kafka_conf_set(conf, "group.id", "group");
    member = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error.text, sizeof error.text);
    cr_assert(member != NULL, "%s", error.text);
    (void)rd_kafka_poll_set_consumer(member);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, TOPIC, RD_KAFKA_PARTITION_UA);
    cr_assert(eq(int, rd_kafka_subscribe(member, list), 0));
    rd_kafka_topic_partition_list_destroy(list);
    for (int count = 0; count == 0;) {
        rd_kafka_message_t *none = rd_kafka_consumer_poll(member, 50);
        cr_assert(none == NULL);
        cr_assert(eq(int, rd_kafka_assignment(member, &list), 0));
        count = list->cnt;
        rd_kafka_topic_partition_list_destroy(list);
    }
}

static void end(void)
{
    rd_kafka_destroy_flags(member, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    mock_kafka_close(&mock);
    no_leaks();
}

TestSuite(kafka_leaving, .init = begin, .fini = end);

Test(kafka_leaving, who_is_heard_is_gone_at_once)
{
    struct kafka_leaving *leaving = NULL;
    const int64_t began_ms = clock_monotonic_ms();
    cr_expect(kafka_leave(&leaving, member, WAIT_MS));
    cr_expect(lt(i64, clock_monotonic_ms() - began_ms, WAIT_MS));
    cr_expect(leaving == NULL);
    cr_expect(rd_kafka_consumer_closed(member));
    cr_expect(kafka_leave(&leaving, member, WAIT_MS), "once more, as after a fatal error");
}

/* A commit that nobody answers keeps it; its own time-out ends that. It must not go on as a member meanwhile.
 */
Test(kafka_leaving, who_is_not_heard_leaves_later_and_holds_nobody_up)
{
    struct kafka_leaving *leaving = NULL;
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, TOPIC, 0)->offset = 0;
    cr_assert(eq(int, rd_kafka_commit(member, list, 1), 0));
    rd_kafka_topic_partition_list_destroy(list);
    const int64_t began_ms = clock_monotonic_ms();
    cr_expect(not(kafka_leave(&leaving, member, 300)));
    cr_expect(lt(i64, clock_monotonic_ms() - began_ms, 1500));
    cr_assert(leaving != NULL);
    rd_kafka_mock_broker_set_up(mock.cluster, 1);
    while (leaving) {
        kafka_leaving_serve(&leaving);
    }
    cr_expect(rd_kafka_consumer_closed(member));
}
