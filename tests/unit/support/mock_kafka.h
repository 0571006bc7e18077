/*
 * mock_kafka.h - a Kafka cluster inside the process (librdkafka's own).
 */
#ifndef TESTS_UNIT_SUPPORT_MOCK_KAFKA_H
#define TESTS_UNIT_SUPPORT_MOCK_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/* Request types, for errors to be injected. */
enum mock_api { MOCK_PRODUCE = 0, MOCK_OFFSET_FETCH = 9, MOCK_INIT_PRODUCER_ID = 22 };

struct mock_kafka {
    rd_kafka_t *owner;
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers;
};

/* One broker. */
struct mock_kafka mock_kafka_open(void);
void mock_kafka_topic(struct mock_kafka *mock, const char *topic, int partitions);

/* The next request of that type is answered with the error. */
void mock_kafka_refuse(struct mock_kafka *mock, enum mock_api api, rd_kafka_resp_err_t error);

void mock_kafka_close(struct mock_kafka *mock);

#endif
