/*
 * avro_schemas.h - the Avro schemas of avro_schemas.def; their texts, schemas/avro/NAME.avsc, are part of the
 * executable.
 */
#ifndef SCHEMAS_AVRO_SCHEMAS_H
#define SCHEMAS_AVRO_SCHEMAS_H

#include <stddef.h>
#include <stdint.h>

enum schema {
#define SCHEMA(id, ...) SCHEMA_##id,
#include "schemas/avro_schemas.def"
#undef SCHEMA
    SCHEMA_COUNT
};

/* What stands before the datum; see wire.h. */
enum framing { SINGLE_OBJECT, REGISTRY };

struct schema_row {
    const char *name;
    enum framing framing;
    uint64_t fingerprint; /* CRC-64-AVRO */
    const char *help;
};

extern const struct schema_row schema_table[SCHEMA_COUNT];

/* The file as it stands in the tree: JSON, with a NUL behind it. */
const char *avro_schema_text(enum schema schema);

/* The files, in the order of their names. */
struct avro_file {
    const char *name;
    const char *text;
};

extern const struct avro_file avro_files[];
extern const size_t avro_file_count;

#endif
