#include "base/kafka_rest.h"

#include <sys/prctl.h>

#define NAME "outbound-rest"
#define MAIN_NS 2000000UL
#define USUAL_NS 50000UL /* Linux's; a thread has what the one had that made it */

static rd_kafka_resp_err_t on_thread_start(rd_kafka_t *kafka, rd_kafka_thread_type_t type, const char *thread,
                                           void *opaque)
{
    (void)kafka;
    (void)thread;
    (void)opaque;
    (void)prctl(PR_SET_TIMERSLACK, type == RD_KAFKA_THREAD_MAIN ? MAIN_NS : USUAL_NS, 0UL, 0UL, 0UL);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *kafka, const rd_kafka_conf_t *conf, void *opaque, char *reason,
                                  size_t size)
{
    (void)conf;
    if (size > 0) {
        reason[0] = '\0';
    }
    return rd_kafka_interceptor_add_on_thread_start(kafka, NAME, on_thread_start, opaque);
}

void kafka_rest(rd_kafka_conf_t *conf)
{
    (void)rd_kafka_conf_interceptor_add_on_new(conf, NAME, on_new, NULL);
}
