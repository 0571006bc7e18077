#include "base/kafka.h"

#include <stdlib.h>
#include <string.h>

#include "base/kafka_properties.h"
#include "base/kafka_rest.h"
#include "base/log.h"

static void on_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
    /* syslog levels: up to 4 is warning or worse. What a client fails with comes to its error callback, too.
     */
    const bool told_elsewhere = strcmp(facility, "FAIL") == 0;
    const enum log_level ours = told_elsewhere || level > 6 ? LOG_DEBUG : level <= 3 ? LOG_WARN : LOG_INFO;
    log_write(ours, NULL, "%s: %s: %s", rd_kafka_name(kafka), facility, text);
}

rd_kafka_conf_t *kafka_conf_new(const struct kafka_options *options, struct error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    /* A connection that died without a word is given up after so long; by itself librdkafka waits a minute.
     */
    (void)rd_kafka_conf_set(conf, "socket.timeout.ms", "10000", NULL, 0);
    if (!kafka_properties_set(conf, options->properties, error)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    kafka_conf_set(conf, "bootstrap.servers", options->brokers);
    kafka_conf_set(conf, "client.id", options->client_id);
    kafka_conf_set(conf, "socket.nagle.disable", "true");
    kafka_conf_set(conf, "log.connection.close",
                   "true"); /* or a plaintext client at a TLS port fails in silence */
    kafka_conf_set(conf, "reconnect.backoff.max.ms", "2000");
    rd_kafka_conf_set_log_cb(conf, on_log);
    kafka_rest(conf);
    return conf;
}

void kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char reason[256] = "not in kafka_reserved.def: the user's value would be ignored";
    if (!kafka_property_reserved(name) ||
        rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
        log_error("%s: %s", name, reason);
        abort();
    }
}

const char *kafka_header_get(const rd_kafka_message_t *record, const char *name, size_t *ret_length)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t length;
    if (rd_kafka_message_headers(record, &headers) ||
        rd_kafka_header_get_last(headers, name, &value, &length)) {
        return NULL;
    }
    *ret_length = length;
    return value;
}

size_t kafka_headers_of(const rd_kafka_message_t *record, struct kafka_header *ret_headers, size_t room)
{
    rd_kafka_headers_t *headers;
    size_t count = 0;
    if (rd_kafka_message_headers(record, &headers)) {
        return 0;
    }
    const void *value;
    while (count < room && !rd_kafka_header_get_all(headers, count, &ret_headers[count].name, &value,
                                                    &ret_headers[count].length)) {
        ret_headers[count++].value = value;
    }
    return count;
}

size_t kafka_record_bytes(const rd_kafka_message_t *record)
{
    size_t bytes = record->len + record->key_len;
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(record, &headers)) {
        return bytes;
    }
    const char *name;
    const void *value;
    size_t length;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &length); i++) {
        bytes += strlen(name) + length;
    }
    return bytes;
}
