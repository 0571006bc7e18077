/*
 * Whether the router has read all of outbound.requests: what it has not read is not lost. Asked before the
 * messages are, because an offset is committed only after what was read is stored.
 */
#include <stdlib.h>

#include "base/kafka.h"
#include "base/kafka_lost.h"
#include "base/pg.h"
#include "sandbox/proof/evidence.h"
#include "schemas/rebuild.h"
#include "schemas/topics.h"

#define GROUP_ID "outbound-router-requests" /* the router's */
#define TIMEOUT_MS 10000

static bool failed(rd_kafka_resp_err_t failure, struct error *error)
{
    return failure &&
           !error_set(error, "Kafka: %s cannot be asked for: %s", GROUP_ID, rd_kafka_err2str(failure));
}

/* NULL: it failed. A topic that is not there has no partitions. */
static rd_kafka_topic_partition_list_t *list_partitions(rd_kafka_t *kafka, struct error *error)
{
    const char *name = topic_name(TOPIC_REQUESTS);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, name, NULL);
    const rd_kafka_resp_err_t failure = rd_kafka_metadata(kafka, 0, topic, &metadata, TIMEOUT_MS);
    rd_kafka_topic_destroy(topic);
    if (failed(failure, error)) {
        return NULL;
    }
    const int count = metadata->topic_cnt > 0 ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count > 0 ? count : 1);
    for (int32_t partition = 0; partition < count; partition++) {
        rd_kafka_topic_partition_list_add(list, name, partition);
    }
    rd_kafka_metadata_destroy(metadata);
    return list;
}

static bool compare(rd_kafka_t *kafka, const json_t *lost, rd_kafka_topic_partition_list_t *list,
                    bool *ret_unread, struct error *error)
{
    if (list->cnt > 0 && failed(rd_kafka_committed(kafka, list, TIMEOUT_MS), error)) {
        return false;
    }
    bool unread = false;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *partition = &list->elems[i];
        int64_t first = 0;
        int64_t end = 0;
        if (failed(rd_kafka_query_watermark_offsets(kafka, partition->topic, partition->partition, &first,
                                                    &end, TIMEOUT_MS),
                   error)) {
            return false;
        }
        const bool counts = partition->offset >= 0 && kafka_lost_counts(lost, partition);
        unread = unread || end > (counts ? partition->offset : first);
    }
    *ret_unread = unread;
    return true;
}

static bool ask(const struct config *config, const json_t *lost, bool *ret_unread, struct error *error)
{
    const struct kafka_options options = config_kafka(config, "outbound-check");
    rd_kafka_conf_t *conf = kafka_conf_new(&options, error);
    if (!conf) {
        return false;
    }
    char reason[256];
    kafka_conf_set(conf, "group.id", GROUP_ID); /* not joined, only asked for */
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (!kafka) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, "Kafka: %s", reason);
    }
    rd_kafka_topic_partition_list_t *list = list_partitions(kafka, error);
    const bool fine = list && compare(kafka, lost, list, ret_unread, error);
    if (list) {
        rd_kafka_topic_partition_list_destroy(list);
    }
    rd_kafka_destroy(kafka);
    return fine;
}

/* Topics that were lost once: which commits count goes by them. */
static bool read_lost(const struct config *config, json_t **ret_lost, struct error *error)
{
    PGconn *connection = pg_connect_blocking(config->database_url, "outbound check", error);
    char sqlstate[6];
    PGresult *row = connection ? pg_call_blocking(connection, &rebuild_count, NULL, sqlstate, error) : NULL;
    const bool fine = row;
    *ret_lost = fine && PQntuples(row) > 0 ? json_loads(PQgetvalue(row, 0, 1), 0, NULL) : NULL;
    PQclear(row);
    PQfinish(connection);
    return fine;
}

bool evidence_read_requests(struct ledger *ledger, const struct config *config, struct error *error)
{
    bool by_kafka = false;
    for (const struct ledger_message *message = ledger_first(ledger); message && !by_kafka;
         message = ledger_next(message)) {
        by_kafka = message->by_kafka;
    }
    json_t *lost = NULL;
    bool unread = false;
    const bool fine = !by_kafka || (read_lost(config, &lost, error) && ask(config, lost, &unread, error));
    json_decref(lost);
    for (struct ledger_message *message = ledger_first(ledger); message && unread;
         message = ledger_next(message)) {
        message->may_be_unread = message->by_kafka;
    }
    return fine;
}
