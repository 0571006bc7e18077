#include "schemas/wire.h"

#define FINGERPRINT_AT 2
#define SINGLE_OBJECT_HEADER 10
#define ID_AT 1
#define REGISTRY_HEADER 5

bool wire_parse(const void *bytes, size_t length, struct wire_record *ret_record)
{
    const unsigned char *byte = bytes;
    if (length >= SINGLE_OBJECT_HEADER && byte[0] == 0xc3 && byte[1] == 0x01) {
        uint64_t fingerprint = 0;
        for (int i = 0; i < 8; i++) {
            fingerprint |= (uint64_t)byte[FINGERPRINT_AT + i] << (8 * i);
        }
        *ret_record = (struct wire_record){.framing = SINGLE_OBJECT,
                                           .fingerprint = fingerprint,
                                           .datum = byte + SINGLE_OBJECT_HEADER,
                                           .length = length - SINGLE_OBJECT_HEADER};
        return true;
    }
    if (length >= REGISTRY_HEADER && byte[0] == 0) {
        uint32_t id = 0;
        for (int i = 0; i < 4; i++) {
            id = id << 8 | byte[ID_AT + i];
        }
        *ret_record = (struct wire_record){.framing = REGISTRY,
                                           .schema_id = (int32_t)id,
                                           .datum = byte + REGISTRY_HEADER,
                                           .length = length - REGISTRY_HEADER};
        return true;
    }
    return false;
}

bool wire_open(const void *bytes, size_t length, enum schema schema, struct avro_cursor *ret_cursor,
               enum error_code *ret_code)
{
    struct wire_record record;
    if (!wire_parse(bytes, length, &record) || record.framing != SINGLE_OBJECT) {
        *ret_code = ERROR_MALFORMED_RECORD;
        return false;
    }
    if (record.fingerprint != schema_table[schema].fingerprint) {
        *ret_code = ERROR_UNKNOWN_SCHEMA;
        return false;
    }
    *ret_cursor = avro_cursor_of(record.datum, record.length);
    return true;
}

void wire_put_header(struct buffer *into, enum schema schema, int32_t schema_id)
{
    if (schema_id) {
        buffer_append(into, "", 1);
        buffer_int32(into, schema_id);
        return;
    }
    char header[SINGLE_OBJECT_HEADER] = {(char)0xc3, 0x01};
    for (int i = 0; i < 8; i++) {
        header[FINGERPRINT_AT + i] = (char)(schema_table[schema].fingerprint >> (8 * i));
    }
    buffer_append(into, header, sizeof header);
}
