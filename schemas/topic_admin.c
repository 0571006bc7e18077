#include "schemas/topic_admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/kafka.h"

#define ASK_AGAIN_MS 1000
#define LEADER_RETRY_MS 50
#define HOUR_MS ((int64_t)3600 * 1000)

static void on_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
    struct topic_admin *admin = opaque;
    (void)kafka;
    kafka_trouble_report(&admin->trouble, NULL, (rd_kafka_resp_err_t)code, reason);
}

static void want(struct topic_admin *admin, const char *name, const struct topic_row *row, int64_t delay_ms)
{
    const int64_t partitions = admin->config->kafka_partitions;
    admin->topics[admin->count++] =
        (struct topic_state){.name = name,
                             .wanted_partitions = partitions ? (int)partitions : row->partitions,
                             .wanted_retention_ms = row->retention_h * HOUR_MS + delay_ms};
}

/* Those of the table, and one for each retry tier of the settings. */
static void want_topics(struct topic_admin *admin)
{
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        want(admin, topic_table[i].name, &topic_table[i], 0);
        if (i == TOPIC_DLQ) {
            admin->topics[admin->count - 1].wanted_message_bytes = DLQ_MESSAGE_BYTES_MIN;
        }
    }
    tiers_of(admin->config, &admin->tiers);
    for (size_t i = 0; i < admin->tiers.count; i++) {
        want(admin, admin->tiers.tier[i].topic, &topic_tier_row, admin->tiers.tier[i].delay_ms);
    }
}

bool topic_admin_open(struct topic_admin *admin, const struct config *config, const char *client_id,
                      int timeout_ms, struct error *error)
{
    *admin = (struct topic_admin){.config = config, .timeout_ms = timeout_ms};
    want_topics(admin);
    const struct kafka_options options = config_kafka(config, client_id);
    rd_kafka_conf_t *conf = kafka_conf_new(&options, error);
    if (!conf) {
        return false;
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, admin);
    char reason[256];
    /* One that asks for a topic as a producer does lets the broker create it, with settings of the broker's.
     */
    admin->kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (!admin->kafka) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, "%s", reason);
    }
    admin->queue = rd_kafka_queue_new(admin->kafka);
    return true;
}

void topic_admin_close(struct topic_admin *admin)
{
    for (size_t i = 0; i < admin->count; i++) {
        if (admin->topics[i].kept) {
            rd_kafka_ConfigResource_destroy(admin->topics[i].kept);
        }
    }
    if (admin->kafka) {
        rd_kafka_queue_destroy(admin->queue);
        rd_kafka_destroy(admin->kafka);
    }
}

static rd_kafka_AdminOptions_t *admin_options(struct topic_admin *admin, rd_kafka_admin_op_t operation)
{
    char reason[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->kafka, operation);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, admin->timeout_ms, reason, sizeof reason);
    return options;
}

/* Waits for the answer of an operation. NULL, with the reason, when it failed as a whole. */
static rd_kafka_event_t *admin_wait(struct topic_admin *admin, struct error *error)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, admin->timeout_ms + 1000);
    if (!event) {
        (void)error_set(error, "Kafka did not answer in time (KAFKA_BROKERS: %s)",
                        admin->config->kafka_brokers);
        return NULL;
    }
    if (rd_kafka_event_error(event)) {
        (void)error_set(error, "Kafka: %s", rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        return NULL;
    }
    return event;
}

/* Each topic of such an answer must have succeeded. */
static bool topic_results_fine(const rd_kafka_topic_result_t **results, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_resp_err_t failure = rd_kafka_topic_result_error(results[i]);
        if (failure && failure != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            return error_set(error, "%s: %s", rd_kafka_topic_result_name(results[i]),
                             rd_kafka_topic_result_error_string(results[i]));
        }
    }
    return true;
}

/* A broker that is starting is waited for; one that refuses us is not. */
static bool first_answer(struct topic_admin *admin, const struct rd_kafka_metadata **ret_metadata,
                         struct error *error)
{
    const int64_t give_up_ms = clock_monotonic_ms() + admin->timeout_ms;
    rd_kafka_resp_err_t failure;
    while ((failure = rd_kafka_metadata(admin->kafka, 1, NULL, ret_metadata, ASK_AGAIN_MS))) {
        (void)rd_kafka_poll(admin->kafka, 0);
        const char *refused = kafka_trouble_refused(&admin->trouble);
        if (refused || clock_monotonic_ms() > give_up_ms) {
            return error_set(error, "Kafka does not answer (KAFKA_BROKERS: %s): %s",
                             admin->config->kafka_brokers, refused ? refused : rd_kafka_err2str(failure));
        }
    }
    return true;
}

bool topic_admin_read(struct topic_admin *admin, struct error *error)
{
    const struct rd_kafka_metadata *metadata;
    if (!first_answer(admin, &metadata, error)) {
        return false;
    }
    for (size_t i = 0; i < admin->count; i++) {
        struct topic_state *topic = &admin->topics[i];
        topic->partitions = 0;
        for (int j = 0; j < metadata->topic_cnt; j++) {
            if (strcmp(metadata->topics[j].topic, topic->name) == 0 && !metadata->topics[j].err) {
                topic->partitions = metadata->topics[j].partition_cnt;
            }
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return true;
}

bool topic_messages_too_small(const struct topic_state *topic)
{
    return topic->message_bytes < topic->wanted_message_bytes;
}

static const char *decimal(int64_t value, char ret_text[static 24])
{
    (void)snprintf(ret_text, 24, "%" PRId64, value);
    return ret_text;
}

/* Altering replaces all settings of a topic: those that somebody else has made are kept beside ours. */
static void keep_settings(struct topic_state *topic, const rd_kafka_ConfigResource_t *described)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(described, &count);
    topic->kept = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic->name);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(name, TOPIC_RETENTION) == 0) {
            topic->retention_ms = value ? strtoll(value, NULL, 10) : 0;
            continue;
        }
        if (strcmp(name, TOPIC_MESSAGE_BYTES) == 0) {
            topic->message_bytes = value ? strtoll(value, NULL, 10) : 0;
            if (topic_messages_too_small(topic)) {
                continue;
            }
        }
        if (rd_kafka_ConfigEntry_source(entries[i]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG) {
            (void)rd_kafka_ConfigResource_set_config(topic->kept, name, value);
        }
    }
    char wanted[24];
    (void)rd_kafka_ConfigResource_set_config(topic->kept, TOPIC_RETENTION,
                                             decimal(topic->wanted_retention_ms, wanted));
    if (topic_messages_too_small(topic)) {
        (void)rd_kafka_ConfigResource_set_config(topic->kept, TOPIC_MESSAGE_BYTES,
                                                 decimal(topic->wanted_message_bytes, wanted));
    }
}

bool topic_admin_read_settings(struct topic_admin *admin, struct error *error)
{
    rd_kafka_ConfigResource_t *asked[TOPIC_ADMIN_MAX];
    size_t count = 0;
    for (size_t i = 0; i < admin->count; i++) {
        if (admin->topics[i].partitions > 0) {
            asked[count++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, admin->topics[i].name);
        }
    }
    if (count == 0) {
        return true;
    }
    rd_kafka_AdminOptions_t *options = admin_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(admin->kafka, asked, count, options, admin->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy_array(asked, count);
    rd_kafka_event_t *event = admin_wait(admin, error);
    if (!event) {
        return false;
    }
    size_t described_count;
    const rd_kafka_ConfigResource_t **described = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &described_count);
    for (size_t i = 0; i < described_count; i++) {
        for (size_t j = 0; j < admin->count; j++) {
            if (strcmp(rd_kafka_ConfigResource_name(described[i]), admin->topics[j].name) == 0) {
                keep_settings(&admin->topics[j], described[i]);
            }
        }
    }
    rd_kafka_event_destroy(event);
    return true;
}

bool topic_admin_create(struct topic_admin *admin, struct error *error)
{
    rd_kafka_NewTopic_t *missing[TOPIC_ADMIN_MAX];
    size_t count = 0;
    char reason[256];
    for (size_t i = 0; i < admin->count; i++) {
        const struct topic_state *topic = &admin->topics[i];
        if (topic->partitions > 0) {
            continue;
        }
        char wanted[24];
        missing[count] =
            rd_kafka_NewTopic_new(topic->name, topic->wanted_partitions,
                                  (int)admin->config->kafka_replication_factor, reason, sizeof reason);
        if (!missing[count]) {
            rd_kafka_NewTopic_destroy_array(missing, count);
            return error_set(error, "%s: %s", topic->name, reason);
        }
        (void)rd_kafka_NewTopic_set_config(missing[count], TOPIC_RETENTION,
                                           decimal(topic->wanted_retention_ms, wanted));
        if (topic->wanted_message_bytes) {
            (void)rd_kafka_NewTopic_set_config(missing[count], TOPIC_MESSAGE_BYTES,
                                               decimal(topic->wanted_message_bytes, wanted));
        }
        count++;
    }
    if (count == 0) {
        return true;
    }
    rd_kafka_AdminOptions_t *options = admin_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(admin->kafka, missing, count, options, admin->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy_array(missing, count);
    rd_kafka_event_t *event = admin_wait(admin, error);
    if (!event) {
        return false;
    }
    size_t results_count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &results_count);
    const bool fine = topic_results_fine(results, results_count, error);
    rd_kafka_event_destroy(event);
    return fine;
}

bool topic_admin_add_partitions(struct topic_admin *admin, struct error *error)
{
    rd_kafka_NewPartitions_t *more[TOPIC_ADMIN_MAX];
    size_t count = 0;
    char reason[256];
    for (size_t i = 0; i < admin->count; i++) {
        const struct topic_state *topic = &admin->topics[i];
        if (topic->partitions > 0 && topic->partitions < topic->wanted_partitions) {
            more[count++] = rd_kafka_NewPartitions_new(topic->name, (size_t)topic->wanted_partitions, reason,
                                                       sizeof reason);
        }
    }
    if (count == 0) {
        return true;
    }
    rd_kafka_AdminOptions_t *options = admin_options(admin, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS);
    rd_kafka_CreatePartitions(admin->kafka, more, count, options, admin->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewPartitions_destroy_array(more, count);
    rd_kafka_event_t *event = admin_wait(admin, error);
    if (!event) {
        return false;
    }
    size_t results_count;
    const rd_kafka_topic_result_t **results = rd_kafka_CreatePartitions_result_topics(
        rd_kafka_event_CreatePartitions_result(event), &results_count);
    const bool fine = topic_results_fine(results, results_count, error);
    rd_kafka_event_destroy(event);
    return fine;
}

bool topic_admin_change_settings(struct topic_admin *admin, struct error *error)
{
    rd_kafka_ConfigResource_t *changed[TOPIC_ADMIN_MAX];
    size_t count = 0;
    for (size_t i = 0; i < admin->count; i++) {
        struct topic_state *topic = &admin->topics[i];
        if (topic->kept &&
            (topic->retention_ms != topic->wanted_retention_ms || topic_messages_too_small(topic))) {
            changed[count++] = topic->kept;
        }
    }
    if (count == 0) {
        return true;
    }
    rd_kafka_AdminOptions_t *options = admin_options(admin, RD_KAFKA_ADMIN_OP_ALTERCONFIGS);
    rd_kafka_AlterConfigs(admin->kafka, changed, count, options, admin->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = admin_wait(admin, error);
    if (!event) {
        return false;
    }
    size_t results_count;
    const rd_kafka_ConfigResource_t **results =
        rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event), &results_count);
    bool fine = true;
    for (size_t i = 0; i < results_count && fine; i++) {
        if (rd_kafka_ConfigResource_error(results[i])) {
            fine = error_set(error, "%s: %s", rd_kafka_ConfigResource_name(results[i]),
                             rd_kafka_ConfigResource_error_string(results[i]));
        }
    }
    rd_kafka_event_destroy(event);
    return fine;
}

/* The client keeps what it knows of topics; asking for all of them refreshes that. */
static void look_anew(struct topic_admin *admin)
{
    const struct rd_kafka_metadata *metadata;
    if (!rd_kafka_metadata(admin->kafka, 1, NULL, &metadata, admin->timeout_ms)) {
        rd_kafka_metadata_destroy(metadata);
    }
}

bool topic_admin_await_leaders(struct topic_admin *admin, struct error *error)
{
    for (size_t i = 0; i < admin->count; i++) {
        const struct topic_state *topic = &admin->topics[i];
        const int partitions =
            topic->partitions > topic->wanted_partitions ? topic->partitions : topic->wanted_partitions;
        for (int partition = 0; partition < partitions; partition++) {
            const int64_t give_up_ms = clock_monotonic_ms() + admin->timeout_ms;
            int64_t start;
            int64_t end;
            rd_kafka_resp_err_t failure;
            while ((failure = rd_kafka_query_watermark_offsets(admin->kafka, topic->name, partition, &start,
                                                               &end, admin->timeout_ms))) {
                if (clock_monotonic_ms() > give_up_ms) {
                    return error_set(error, "%s [%d]: %s", topic->name, partition, rd_kafka_err2str(failure));
                }
                uv_sleep(LEADER_RETRY_MS);
                look_anew(admin);
            }
        }
    }
    return true;
}
