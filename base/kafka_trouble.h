/*
 * kafka_trouble.h - what keeps a client from Kafka: told in the log, and kept for health checks.
 *
 * A lost connection is librdkafka's to mend and told at DEBUG only, but for the last one. What no
 * reconnecting mends (a password, a certificate, a listener of another protocol, a right that is missing) is
 * told at once, and again each minute as long as it lasts.
 */
#ifndef BASE_KAFKA_TROUBLE_H
#define BASE_KAFKA_TROUBLE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "base/log.h"

#define KAFKA_TROUBLE_KINDS 8

/* All zero at first. */
struct kafka_trouble {
    struct {
        rd_kafka_resp_err_t code;
        struct log_seldom last;
    } told[KAFKA_TROUBLE_KINDS];
    char refused[512]; /* why a broker and we do not come together; "" when nothing is known against it */
};

/* librdkafka reports an error of a client. `who` begins the line in the log; NULL: it is kept and
 * not told. */
void kafka_trouble_report(struct kafka_trouble *trouble, const char *who, rd_kafka_resp_err_t code,
                          const char *reason);

/* A broker is connected. */
void kafka_trouble_over(struct kafka_trouble *trouble);

/* Why a broker refuses us, or we refuse it; NULL when that is not what is wrong. */
const char *kafka_trouble_refused(const struct kafka_trouble *trouble);

#endif
