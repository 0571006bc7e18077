/*
 * Messages as records of outbound.requests. A record's own delivery report says that Kafka has it; one that
 * failed may be there all the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/kafka_producer.h"
#include "base/memory.h"
#include "sandbox/proof/load_driver.h"
#include "schemas/topics.h"

#define RECORD_MAX 8192

/* A record that was sent, until its report. */
struct open_record {
    struct kafka_driver *driver;
    int64_t sent_us;
    char key[LOAD_KEY_SIZE];
};

struct kafka_driver {
    struct load_driver_options options;
    struct kafka_producer *producer;
    size_t open;
};

static void end_record(struct open_record *record, const char *event, const char *why, int64_t took_us)
{
    struct kafka_driver *driver = record->driver;
    driver->open--;
    const struct journal_end end = {.event = event, .key = record->key, .code = why};
    driver->options.on_end(driver->options.arg, &end, took_us);
    free(record);
}

static void on_delivery(void *arg, uint64_t ticket, const char *reason)
{
    (void)arg;
    struct open_record *record = (struct open_record *)(uintptr_t)ticket;
    end_record(record, reason ? "unanswered" : "accepted", reason,
               reason ? 0 : clock_monotonic_us() - record->sent_us);
}

static void *kafka_open(const struct load_driver_options *options, struct error *error)
{
    struct kafka_driver *driver = NEW(struct kafka_driver);
    driver->options = *options;
    const struct kafka_producer_options producer = {.kafka = config_kafka(options->config, "outbound-load"),
                                                    .message_timeout_ms =
                                                        (unsigned)options->config->kafka_message_timeout_ms,
                                                    .on_delivery = on_delivery,
                                                    .arg = driver};
    driver->producer = kafka_producer_open(options->loop, &producer, error);
    if (!driver->producer) {
        free(driver);
        return NULL;
    }
    return driver;
}

static size_t kafka_room(const void *arg)
{
    const struct kafka_driver *driver = arg;
    const size_t most = (size_t)driver->options.load->connections;
    return driver->open < most ? most - driver->open : 0;
}

static void kafka_ask(void *arg, const struct load_message *message)
{
    struct kafka_driver *driver = arg;
    struct open_record *record = NEW(struct open_record);
    *record = (struct open_record){.driver = driver, .sent_us = clock_monotonic_us()};
    memcpy(record->key, message->key, sizeof record->key);
    driver->open++;
    struct buffer value;
    buffer_init(&value, RECORD_MAX);
    load_message_avro(message, &value);
    const struct kafka_record_out out = {.topic = topic_name(TOPIC_REQUESTS),
                                         .key = record->key,
                                         .key_length = strlen(record->key),
                                         .value = value.bytes,
                                         .value_length = value.length,
                                         .ticket = (uint64_t)(uintptr_t)record};
    if (!kafka_producer_send(driver->producer, &out)) {
        end_record(record, "refused", "the client is being replaced", 0);
    }
    buffer_release(&value);
}

static void kafka_close(void *arg)
{
    struct kafka_driver *driver = arg;
    kafka_producer_close(driver->producer); /* reports what is open as failed */
    free(driver);
}

const struct load_driver load_by_kafka = {
    .name = "kafka", .open = kafka_open, .room = kafka_room, .ask = kafka_ask, .close = kafka_close};
