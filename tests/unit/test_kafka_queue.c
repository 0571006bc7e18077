#include "base/kafka_queue.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "support/leaks.h"
#include "support/loop.h"
#include "support/time_limit.h"

TestSuite(kafka_queue, .init = time_limit, .fini = no_leaks);

static void on_wake(void *arg)
{
    *(bool *)arg = true;
}

/* librdkafka tells when an empty queue gets something. A client that failed at once had its first event
 * already: its holder would never hear of any other, nor that a record was acknowledged. */
Test(kafka_queue, what_came_before_it_was_watched_is_seen)
{
    struct test_loop loop;
    loop_open(&loop);
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    cr_assert(eq(int, rd_kafka_conf_set(conf, "statistics.interval.ms", "1", reason, sizeof reason), 0));
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_STATS);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    cr_assert(client != NULL, "%s", reason);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(client);
    while (rd_kafka_queue_length(queue) == 0) {
        uv_sleep(1);
    }
    bool woken = false;
    struct kafka_queue *watch = kafka_queue_watch(&loop.uv, queue, on_wake, &woken);
    LOOP_UNTIL(&loop, woken);
    kafka_queue_unwatch(watch, queue);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    loop_close(&loop);
}
