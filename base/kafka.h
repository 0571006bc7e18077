/*
 * kafka.h - what producers and consumers have in common: how they reach the cluster, and record headers.
 */
#ifndef BASE_KAFKA_H
#define BASE_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/error.h"

struct kafka_options {
    const char *brokers;    /* bootstrap.servers */
    const char *client_id;  /* seen in the broker's logs and quotas */
    const char *properties; /* the user's, see kafka_properties.h; NULL: none */
};

struct kafka_header {
    const char *name;
    const char *value; /* NULL: the header is left out */
    size_t length;
};

/* A librdkafka configuration of `options`. NULL, naming the property, when one is unknown or refused. */
MUST_CHECK rd_kafka_conf_t *kafka_conf_new(const struct kafka_options *options, struct error *error);

/*
 * Sets one property that is known to exist and that stands in kafka_reserved.def; otherwise it is a defect,
 * and ends the process.
 */
void kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value);

/* The last header `name` of a record; NULL when it has none. Not NUL-terminated. Valid as long as the record.
 */
const char *kafka_header_get(const rd_kafka_message_t *record, const char *name, size_t *ret_length);

/*
 * Fills `ret_headers` with at most `room` of the record's headers; they are valid as long as the record.
 * Returns how many.
 */
size_t kafka_headers_of(const rd_kafka_message_t *record, struct kafka_header *ret_headers, size_t room);

/* What a record holds: value, key and headers. */
size_t kafka_record_bytes(const rd_kafka_message_t *record);

#endif
