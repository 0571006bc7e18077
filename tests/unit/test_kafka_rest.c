#include <criterion/criterion.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/kafka_rest.h"

static atomic_int slack_ns[RD_KAFKA_THREAD_BROKER + 1];

/* Added after ours, so it sees what ours has set. */
static rd_kafka_resp_err_t on_thread_start(rd_kafka_t *kafka, rd_kafka_thread_type_t type, const char *thread,
                                           void *opaque)
{
    (void)kafka;
    (void)thread;
    (void)opaque;
    slack_ns[type] = prctl(PR_GET_TIMERSLACK, 0UL, 0UL, 0UL, 0UL);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *kafka, const rd_kafka_conf_t *conf, void *opaque, char *reason,
                                  size_t size)
{
    (void)conf;
    if (size > 0) {
        reason[0] = '\0';
    }
    return rd_kafka_interceptor_add_on_thread_start(kafka, "test", on_thread_start, opaque);
}

Test(kafka_rest, only_main_threads_may_be_woken_late)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    cr_assert(rd_kafka_conf_set(conf, "bootstrap.servers", "127.0.0.1:1", NULL, 0) == RD_KAFKA_CONF_OK);
    cr_assert(rd_kafka_conf_set(conf, "log_level", "0", NULL, 0) == RD_KAFKA_CONF_OK);
    kafka_rest(conf);
    cr_assert(!rd_kafka_conf_interceptor_add_on_new(conf, "test", on_new, NULL));
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    cr_assert(kafka);
    for (int tries = 0; !slack_ns[RD_KAFKA_THREAD_MAIN] || !slack_ns[RD_KAFKA_THREAD_BROKER]; tries++) {
        cr_assert(tries < 1000, "the threads have not begun");
        (void)usleep(10000);
    }
    cr_expect(slack_ns[RD_KAFKA_THREAD_MAIN] > 1000000, "%d ns", slack_ns[RD_KAFKA_THREAD_MAIN]);
    cr_expect(slack_ns[RD_KAFKA_THREAD_BROKER] < 1000000, "%d ns", slack_ns[RD_KAFKA_THREAD_BROKER]);
    rd_kafka_destroy(kafka);
}
