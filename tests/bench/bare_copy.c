/*
 * bare_copy - the least that librdkafka needs to move records: a consumer of one topic, an idempotent
 * producer to another one, each record copied as it is. What a router costs beyond this, it costs for reading
 * what it moves, and for its promises.
 *
 *   bare_copy BROKERS FROM TO COUNT
 *
 * Reads FROM from its beginning. Prints one JSON object: seconds from the first record taken to the last one
 * acknowledged, and CPU seconds.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/clocks.h"

#define PATIENCE_MS 30000

static long acknowledged;

static void fail(const char *what)
{
    (void)fprintf(stderr, "bare_copy: %s\n", what);
    exit(1);
}

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    (void)opaque;
    if (message->err) {
        fail(rd_kafka_err2str(message->err));
    }
    acknowledged++;
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *const *settings)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (; *settings; settings += 2) {
        if (rd_kafka_conf_set(conf, settings[0], settings[1], why, sizeof why) != RD_KAFKA_CONF_OK) {
            fail(why);
        }
    }
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    }
    rd_kafka_t *kafka = rd_kafka_new(type, conf, why, sizeof why);
    if (!kafka) {
        fail(why);
    }
    return kafka;
}

static void subscribe(rd_kafka_t *consumer, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_poll_set_consumer(consumer);
    if (rd_kafka_subscribe(consumer, list)) {
        fail("the topic cannot be subscribed to");
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void copy(rd_kafka_t *producer, const char *to, const rd_kafka_message_t *record)
{
    for (;;) {
        const rd_kafka_resp_err_t failure =
            rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(to), RD_KAFKA_V_KEY(record->key, record->key_len),
                              RD_KAFKA_V_VALUE(record->payload, record->len),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (!failure) {
            return;
        }
        if (failure != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            fail(rd_kafka_err2str(failure));
        }
        rd_kafka_poll(producer, 10);
    }
}

int main(int count, char **words)
{
    if (count != 5 || strtol(words[4], NULL, 10) < 1) {
        fail("usage: bare_copy BROKERS FROM TO COUNT");
    }
    const long records = strtol(words[4], NULL, 10);
    char group[64];
    (void)snprintf(group, sizeof group, "bench-copy-%ld", (long)time(NULL)); /* has read nothing yet */
    rd_kafka_t *consumer =
        client(RD_KAFKA_CONSUMER, (const char *const[]){"bootstrap.servers", words[1], "group.id", group,
                                                        "auto.offset.reset", "earliest", NULL});
    rd_kafka_t *producer =
        client(RD_KAFKA_PRODUCER, (const char *const[]){"bootstrap.servers", words[1], "enable.idempotence",
                                                        "true", "linger.ms", "5", NULL});
    subscribe(consumer, words[2]);
    double began_s = 0;
    for (long taken = 0; taken < records;) {
        rd_kafka_message_t *record = rd_kafka_consumer_poll(consumer, PATIENCE_MS);
        if (!record) {
            fail("there are fewer records");
        }
        if (!record->err) {
            began_s = taken++ == 0 ? clock_s(CLOCK_MONOTONIC) : began_s;
            copy(producer, words[3], record);
        }
        rd_kafka_message_destroy(record);
        rd_kafka_poll(producer, 0);
    }
    if (rd_kafka_flush(producer, PATIENCE_MS) || acknowledged != records) {
        fail("not all records were acknowledged");
    }
    (void)printf("{\"records\": %ld, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", records,
                 clock_s(CLOCK_MONOTONIC) - began_s, clock_s(CLOCK_PROCESS_CPUTIME_ID));
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_destroy(producer);
    return 0;
}
