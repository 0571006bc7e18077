#include "schemas/reference.h"

#include "schemas/avro_write.h"
#include "schemas/wire.h"

void reference_put(const struct reference *reference, struct buffer *into)
{
    avro_put_uuid(into, &reference->id);
    avro_put_long(into, reference->generation);
    avro_put_long(into, reference->fence);
    avro_put_string(into, reference->org_id);
    avro_put_string(into, reference->channel);
    avro_put_string(into, reference->priority);
    avro_put_nullable_long(into, reference->expires_at_ms);
}

void reference_encode(const struct reference *reference, struct buffer *into)
{
    wire_put_header(into, SCHEMA_REFERENCE, 0);
    reference_put(reference, into);
}

void reference_get(struct avro_cursor *cursor, struct reference *ret_reference)
{
    ret_reference->id = avro_get_uuid(cursor);
    ret_reference->generation = avro_get_int(cursor);
    ret_reference->fence = avro_get_int(cursor);
    ret_reference->org_id = avro_get_string(cursor, REFERENCE_TEXT_MAX);
    ret_reference->channel = avro_get_string(cursor, REFERENCE_TEXT_MAX);
    ret_reference->priority = avro_get_string(cursor, REFERENCE_TEXT_MAX);
    ret_reference->expires_at_ms = avro_get_nullable_long(cursor);
}

bool reference_decode(const void *bytes, size_t length, struct reference *ret_reference,
                      enum error_code *ret_code)
{
    struct avro_cursor cursor;
    if (!wire_open(bytes, length, SCHEMA_REFERENCE, &cursor, ret_code)) {
        return false;
    }
    struct reference reference;
    reference_get(&cursor, &reference);
    if (!avro_done(&cursor)) {
        *ret_code = ERROR_MALFORMED_RECORD;
        return false;
    }
    *ret_reference = reference;
    return true;
}
