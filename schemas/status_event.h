/*
 * status_event.h - the record that tells services upstream of a message's new status
 * (schemas/avro/StatusEvent.avsc).
 */
#ifndef SCHEMAS_STATUS_EVENT_H
#define SCHEMAS_STATUS_EVENT_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"
#include "base/uuid.h"

/* Texts are UTF-8. */
struct status_event {
    int64_t event_id;
    struct uuid message_id;
    struct text org_id;
    struct text source;
    struct text request_id; /* bytes NULL: the caller gave none */
    int64_t dossier_id;
    struct text channel;
    struct text correlation_id;
    struct text status;
    int32_t attempt_count;
    struct text error_code;          /* bytes NULL: none */
    struct text provider;            /* bytes NULL: none was asked yet */
    struct text provider_message_id; /* bytes NULL: none */
    int64_t occurred_at_us;          /* Unix time */
};

/* Appends the record, header included; `schema_id` as wire_put_header() has it. */
void status_event_encode(const struct status_event *event, int32_t schema_id, struct buffer *into);

#endif
