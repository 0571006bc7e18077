#include "schemas/topics_command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/kafka.h"
#include "base/kafka_trouble.h"
#include "base/log.h"
#include "schemas/tiers.h"
#include "schemas/topics.h"

#define TIMEOUT_MS 30000
#define ASK_AGAIN_MS 1000
#define LEADER_RETRY_MS 50
#define RETENTION "retention.ms"
#define MESSAGE_BYTES "max.message.bytes"
#define HOUR_MS ((int64_t)3600 * 1000)
#define TOPICS_MAX (TOPIC_COUNT + RETRY_DELAYS_MAX)

/* What the cluster has of one topic, and what it should have. */
struct topic_state {
    const char *name;
    int wanted_partitions;
    int64_t wanted_retention_ms;
    int64_t wanted_message_bytes; /* at least; 0: any */
    int partitions;               /* 0: the topic is missing */
    int64_t retention_ms;
    int64_t message_bytes;
    rd_kafka_ConfigResource_t *kept; /* its own settings, with ours among them */
};

struct admin {
    const struct config *config;
    rd_kafka_t *kafka;
    rd_kafka_queue_t *queue;
    struct kafka_trouble trouble;
    struct tiers tiers;
    struct topic_state topics[TOPICS_MAX];
    size_t count;
};

static void on_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
    struct admin *admin = opaque;
    (void)kafka;
    kafka_trouble_report(&admin->trouble, NULL, (rd_kafka_resp_err_t)code, reason);
}

static bool admin_open(struct admin *admin, struct error *error)
{
    const struct kafka_options options = config_kafka(admin->config, "outbound-topics");
    rd_kafka_conf_t *conf = kafka_conf_new(&options, error);
    if (!conf) {
        return false;
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, admin);
    char reason[256];
    admin->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!admin->kafka) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, "%s", reason);
    }
    admin->queue = rd_kafka_queue_new(admin->kafka);
    return true;
}

static void admin_close(struct admin *admin)
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

static rd_kafka_AdminOptions_t *admin_options(struct admin *admin, rd_kafka_admin_op_t operation)
{
    char reason[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->kafka, operation);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, TIMEOUT_MS, reason, sizeof reason);
    return options;
}

/* Waits for the answer of an operation. NULL, with the reason, when it failed as a whole. */
static rd_kafka_event_t *admin_wait(struct admin *admin, struct error *error)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, TIMEOUT_MS + 1000);
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
static bool first_answer(struct admin *admin, const struct rd_kafka_metadata **ret_metadata,
                         struct error *error)
{
    const int64_t give_up_ms = clock_monotonic_ms() + TIMEOUT_MS;
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

static bool read_partitions(struct admin *admin, struct error *error)
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

static bool messages_too_small(const struct topic_state *topic)
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
        if (strcmp(name, RETENTION) == 0) {
            topic->retention_ms = value ? strtoll(value, NULL, 10) : 0;
            continue;
        }
        if (strcmp(name, MESSAGE_BYTES) == 0) {
            topic->message_bytes = value ? strtoll(value, NULL, 10) : 0;
            if (messages_too_small(topic)) {
                continue;
            }
        }
        if (rd_kafka_ConfigEntry_source(entries[i]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG) {
            (void)rd_kafka_ConfigResource_set_config(topic->kept, name, value);
        }
    }
    char wanted[24];
    (void)rd_kafka_ConfigResource_set_config(topic->kept, RETENTION,
                                             decimal(topic->wanted_retention_ms, wanted));
    if (messages_too_small(topic)) {
        (void)rd_kafka_ConfigResource_set_config(topic->kept, MESSAGE_BYTES,
                                                 decimal(topic->wanted_message_bytes, wanted));
    }
}

static bool read_settings(struct admin *admin, struct error *error)
{
    rd_kafka_ConfigResource_t *asked[TOPICS_MAX];
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

static bool create_missing(struct admin *admin, struct error *error)
{
    rd_kafka_NewTopic_t *missing[TOPICS_MAX];
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
        (void)rd_kafka_NewTopic_set_config(missing[count], RETENTION,
                                           decimal(topic->wanted_retention_ms, wanted));
        if (topic->wanted_message_bytes) {
            (void)rd_kafka_NewTopic_set_config(missing[count], MESSAGE_BYTES,
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

static bool add_partitions(struct admin *admin, struct error *error)
{
    rd_kafka_NewPartitions_t *more[TOPICS_MAX];
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

static bool change_settings(struct admin *admin, struct error *error)
{
    rd_kafka_ConfigResource_t *changed[TOPICS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < admin->count; i++) {
        struct topic_state *topic = &admin->topics[i];
        if (topic->kept && (topic->retention_ms != topic->wanted_retention_ms || messages_too_small(topic))) {
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
static void look_anew(struct admin *admin)
{
    const struct rd_kafka_metadata *metadata;
    if (!rd_kafka_metadata(admin->kafka, 1, NULL, &metadata, TIMEOUT_MS)) {
        rd_kafka_metadata_destroy(metadata);
    }
}

/* A partition that was just made has no leader for a moment; who asked for topics wants to use them. */
static bool await_leaders(struct admin *admin, struct error *error)
{
    for (size_t i = 0; i < admin->count; i++) {
        const struct topic_state *topic = &admin->topics[i];
        const int partitions =
            topic->partitions > topic->wanted_partitions ? topic->partitions : topic->wanted_partitions;
        for (int partition = 0; partition < partitions; partition++) {
            const int64_t give_up_ms = clock_monotonic_ms() + TIMEOUT_MS;
            int64_t start;
            int64_t end;
            rd_kafka_resp_err_t failure;
            while ((failure = rd_kafka_query_watermark_offsets(admin->kafka, topic->name, partition, &start,
                                                               &end, TIMEOUT_MS))) {
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

/* What differs between the cluster and the table, in words; "" when nothing does. */
static void describe(const struct topic_state *topic, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    if (topic->partitions == 0) {
        (void)snprintf(ret_text, size, "missing");
    } else if (topic->partitions < topic->wanted_partitions) {
        (void)snprintf(ret_text, size, "has %d partitions, wants %d", topic->partitions,
                       topic->wanted_partitions);
    } else if (topic->retention_ms != topic->wanted_retention_ms) {
        (void)snprintf(ret_text, size, "has " RETENTION " %lld, wants %lld", (long long)topic->retention_ms,
                       (long long)topic->wanted_retention_ms);
    } else if (messages_too_small(topic)) {
        (void)snprintf(ret_text, size, "has " MESSAGE_BYTES " %lld, wants %lld or more",
                       (long long)topic->message_bytes, (long long)topic->wanted_message_bytes);
    }
}

static size_t print_differences(const struct admin *admin, bool apply, bool json)
{
    size_t different = 0;
    for (size_t i = 0; i < admin->count; i++) {
        char text[160];
        describe(&admin->topics[i], text, sizeof text);
        different += *text != '\0';
        const char *result = !*text ? "ok" : apply ? "changed" : "differs";
        if (json) {
            (void)printf("{\"topic\":\"%s\",\"result\":\"%s\",\"detail\":\"%s\"}\n", admin->topics[i].name,
                         result, text);
        } else {
            (void)printf("%-34s %-8s %s\n", admin->topics[i].name, result, text);
        }
    }
    return different;
}

static void want(struct admin *admin, const char *name, const struct topic_row *row, int64_t delay_ms)
{
    const int64_t partitions = admin->config->kafka_partitions;
    admin->topics[admin->count++] =
        (struct topic_state){.name = name,
                             .wanted_partitions = partitions ? (int)partitions : row->partitions,
                             .wanted_retention_ms = row->retention_h * HOUR_MS + delay_ms};
}

/* Those of the table, and one for each retry tier of the settings. */
static void want_topics(struct admin *admin)
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

int topics_command_run(const struct config *config, bool apply, bool json)
{
    struct admin admin = {.config = config};
    struct error error;
    want_topics(&admin);
    bool fine =
        admin_open(&admin, &error) && read_partitions(&admin, &error) && read_settings(&admin, &error);
    size_t different = 0;
    if (fine && apply) {
        fine = create_missing(&admin, &error) && add_partitions(&admin, &error) &&
               change_settings(&admin, &error) && await_leaders(&admin, &error);
    }
    if (fine) {
        different = print_differences(&admin, apply, json);
    } else {
        log_error("%s", error.text);
    }
    admin_close(&admin);
    return fine && (apply || different == 0) ? 0 : 1;
}
