/*
 * wire.h - what stands before an Avro datum in a record and says which schema wrote it.
 *
 * Two ways are in use. Single-object encoding (Avro's specification): C3 01, then the CRC-64-AVRO fingerprint
 * of the writer's schema, little-endian. Confluent's wire format, for which there is a registry: 00, then the
 * id of the writer's schema there, big-endian.
 */
#ifndef SCHEMAS_WIRE_H
#define SCHEMAS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "schemas/avro_read.h"
#include "schemas/avro_schemas.h"
#include "schemas/errors.h"

struct wire_record {
    enum framing framing;
    uint64_t fingerprint; /* SINGLE_OBJECT: of the writer's schema */
    int32_t schema_id;    /* REGISTRY: of the writer's schema; as it was read, so it may be negative */
    const void *datum;    /* points into the record */
    size_t length;
};

/* False when the bytes begin like neither. */
MUST_CHECK bool wire_parse(const void *bytes, size_t length, struct wire_record *ret_record);

/*
 * Begins to read a record that must be one of our own in single-object encoding. False: *ret_code is
 * MALFORMED_RECORD or UNKNOWN_SCHEMA.
 */
MUST_CHECK bool wire_open(const void *bytes, size_t length, enum schema schema,
                          struct avro_cursor *ret_cursor, enum error_code *ret_code);

/* Appends the header; `schema_id` is the schema's id in the registry, 0 when there is none. */
void wire_put_header(struct buffer *into, enum schema schema, int32_t schema_id);

#endif
