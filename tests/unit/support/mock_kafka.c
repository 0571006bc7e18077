#include "support/mock_kafka.h"

#include <criterion/criterion.h>

struct mock_kafka mock_kafka_open(void)
{
    char reason[256];
    struct mock_kafka mock = {0};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL); /* it misses brokers */
    mock.owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    cr_assert(mock.owner, "%s", reason);
    mock.cluster = rd_kafka_mock_cluster_new(mock.owner, 1);
    cr_assert(mock.cluster);
    mock.brokers = rd_kafka_mock_cluster_bootstraps(mock.cluster);
    return mock;
}

void mock_kafka_topic(struct mock_kafka *mock, const char *topic, int partitions)
{
    cr_assert(rd_kafka_mock_topic_create(mock->cluster, topic, partitions, 1) == RD_KAFKA_RESP_ERR_NO_ERROR);
}

void mock_kafka_refuse(struct mock_kafka *mock, enum mock_api api, rd_kafka_resp_err_t error)
{
    rd_kafka_mock_push_request_errors(mock->cluster, (int16_t)api, 1, error);
}

void mock_kafka_close(struct mock_kafka *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->owner);
}
