#include "schemas/avro_schemas.h"

#include <stdlib.h>
#include <string.h>

const struct schema_row schema_table[SCHEMA_COUNT] = {
#define SCHEMA(id, name, framing, fingerprint, help) {name, framing, UINT64_C(fingerprint), help},
#include "schemas/avro_schemas.def"
#undef SCHEMA
};

const char *avro_schema_text(enum schema schema)
{
    for (size_t i = 0; i < avro_file_count; i++) {
        if (strcmp(avro_files[i].name, schema_table[schema].name) == 0) {
            return avro_files[i].text;
        }
    }
    abort(); /* a row without a file: a test sees it first */
}
