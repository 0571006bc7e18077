/*
 * deadletter.h - the headers of a record in the dead-letter topic.
 *
 * The value is the original record's, byte for byte (a Reference where the message is known). Everything a
 * person needs to understand it stands in the headers.
 */
#ifndef SCHEMAS_DEADLETTER_H
#define SCHEMAS_DEADLETTER_H

#include "base/kafka_producer.h"
#include "schemas/errors.h"

#define HEADER_CORRELATION_ID "x-correlation-id"

#define HEADER_ORIGINAL_TOPIC "x-original-topic"
#define HEADER_ORIGINAL_PARTITION "x-original-partition"
#define HEADER_ORIGINAL_OFFSET "x-original-offset"
#define HEADER_ERROR_CODE "x-error-code"
#define HEADER_ERROR_MESSAGE "x-error-message"
#define HEADER_ATTEMPTS "x-attempts"
#define HEADER_FAILED_AT "x-failed-at" /* RFC 3339 */
#define HEADER_FAILED_BY "x-failed-by" /* the role that gave it up */

/*
 * Sends a record that cannot be handled to the dead-letter topic, as it is, with its headers and the reason.
 * False as kafka_producer_send() has it; `ticket` comes back with the delivery report.
 */
MUST_CHECK bool deadletter_send(struct kafka_producer *producer, const rd_kafka_message_t *record,
                                enum error_code code, const char *role, uint64_t ticket);

#endif
