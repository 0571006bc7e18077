/*
 * message_log.h - lines of the log about one message: the ids that they carry, and which of them are wanted.
 */
#ifndef SCHEMAS_MESSAGE_LOG_H
#define SCHEMAS_MESSAGE_LOG_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "base/log.h"
#include "base/uuid.h"
#include "schemas/config.h"
#include "schemas/errors.h"
#include "schemas/new_message.h"

/* For log_write(): `list`, which points into the rest of it and into what it was made from. */
struct message_fields {
    struct log_field list[7];
    char correlation_id[CORRELATION_ID_MAX + 1];
    char org_id[ORG_ID_MAX + 1];
    char id[UUID_TEXT_SIZE];
};

/* What is known of a message; the rest is zero. */
struct message_ids {
    const struct uuid *id;
    struct text correlation_id;
    struct text org_id;
    const char *channel;  /* EMAIL, … */
    const char *provider; /* the driver's name */
    enum error_code code;
};

/* `fields` stays where it is: its list points into it. */
void message_fields_set(struct message_fields *fields, const struct message_ids *ids);

/* A message that came in, with what was read of it so far. */
void message_fields_of_new(struct message_fields *fields, const struct new_message *message,
                           enum error_code code);

/* A record that cannot be read: of its message there is only what its headers say. */
void message_fields_of_record(struct message_fields *fields, const rd_kafka_message_t *record,
                              enum error_code code);

/*
 * Whether a line about a message is wanted, by OUTBOUND_LOG_MESSAGES; errors always are. `well`: it tells
 * that nothing went wrong.
 */
bool message_log_wants(const struct config *config, enum log_level level, bool well);

#endif
