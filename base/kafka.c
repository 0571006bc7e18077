#include "base/kafka.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

static void on_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
    /* syslog levels: up to 4 is warning or worse. Lost connections are librdkafka's to mend: INFO. */
    const enum log_level ours = level <= 3 ? LOG_WARN : level <= 6 ? LOG_INFO : LOG_DEBUG;
    log_write(ours, NULL, "%s: %s: %s", rd_kafka_name(kafka), facility, text);
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r", text[length - 1])) {
        text[--length] = '\0';
    }
    return text;
}

static bool set_user_properties(rd_kafka_conf_t *conf, const char *properties, struct error *error)
{
    char *copy = memory_strdup(properties ? properties : "");
    char *rest = copy;
    bool fine = true;
    for (char *part; fine && (part = strsep(&rest, ",\n"));) {
        char *name = trim(part);
        if (!*name) {
            continue;
        }
        char *value = strchr(name, '=');
        if (!value) {
            fine = error_set(error, "KAFKA_PROPERTIES: \"%s\" has no '='", name);
            break;
        }
        *value++ = '\0';
        char reason[256];
        if (rd_kafka_conf_set(conf, trim(name), trim(value), reason, sizeof reason) != RD_KAFKA_CONF_OK) {
            fine = error_set(error, "KAFKA_PROPERTIES: %s", reason);
        }
    }
    free(copy);
    return fine;
}

bool kafka_properties_check(const char *properties, struct error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const bool fine = set_user_properties(conf, properties, error);
    rd_kafka_conf_destroy(conf);
    return fine;
}

rd_kafka_conf_t *kafka_conf_new(const struct kafka_options *options, struct error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!set_user_properties(conf, options->properties, error)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    kafka_conf_set(conf, "bootstrap.servers", options->brokers);
    kafka_conf_set(conf, "client.id", options->client_id);
    kafka_conf_set(conf, "socket.nagle.disable", "true");
    kafka_conf_set(conf, "log.connection.close", "false");
    kafka_conf_set(conf, "reconnect.backoff.max.ms", "2000");
    rd_kafka_conf_set_log_cb(conf, on_log);
    return conf;
}

void kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char reason[256];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
        log_error("librdkafka: %s", reason);
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
