/*
 * ingress_message.h - the message that a record of a service upstream asks for.
 */
#ifndef ROUTER_INGRESS_MESSAGE_H
#define ROUTER_INGRESS_MESSAGE_H

#include <stdint.h>

#include "base/kafka.h"
#include "schemas/config.h"
#include "schemas/request_record.h"
#include "schemas/wire.h"

#define INGRESS_REASON_MAX 2048

/*
 * Reads and checks `record`, whose datum is `wire`'s. Fills `ret_message`, which points into the arena and
 * the record. ERROR_NONE, or the code of its dead letter; then `ret_reason` names everything that is wrong
 * with it, by field.
 */
enum error_code ingress_message_read(const rd_kafka_message_t *record, const struct wire_record *wire,
                                     struct request_reader *reader, const struct config *config,
                                     int64_t now_us, struct arena *arena, struct new_message *ret_message,
                                     char ret_reason[INGRESS_REASON_MAX]);

#endif
