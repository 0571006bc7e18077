#include "schemas/status_event.h"

#include "schemas/avro_write.h"
#include "schemas/wire.h"

void status_event_encode(const struct status_event *event, int32_t schema_id, struct buffer *into)
{
    wire_put_header(into, SCHEMA_STATUS_EVENT, schema_id);
    avro_put_long(into, event->event_id);
    avro_put_uuid(into, &event->message_id);
    avro_put_string(into, event->org_id);
    avro_put_string(into, event->source);
    avro_put_nullable_string(into, event->request_id);
    avro_put_long(into, event->dossier_id);
    avro_put_string(into, event->channel);
    avro_put_string(into, event->correlation_id);
    avro_put_string(into, event->status);
    avro_put_long(into, event->attempt_count);
    avro_put_nullable_string(into, event->error_code);
    avro_put_nullable_string(into, event->provider);
    avro_put_nullable_string(into, event->provider_message_id);
    avro_put_long(into, event->occurred_at_us);
}
