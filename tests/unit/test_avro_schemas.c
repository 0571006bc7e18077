/* The schemas in the executable against their files, and their fingerprints against Avro's specification. */
#include "schemas/avro_schemas.h"

#include <avro.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "support/temp_file.h"

/* CRC-64-AVRO, as the specification has it. */
static uint64_t fingerprint(const char *text)
{
    static const uint64_t empty = UINT64_C(0xc15d213aa4d7a795);
    uint64_t crc = empty;
    for (; *text; text++) {
        uint64_t value = (crc ^ (unsigned char)*text) & 0xff;
        for (int i = 0; i < 8; i++) {
            value = (value >> 1) ^ (empty & -(value & 1));
        }
        crc = (crc >> 8) ^ value;
    }
    return crc;
}

/* The parsing canonical form of a type; our records are flat, so only a record needs its full name. */
static void put_canonical(struct buffer *into, const json_t *type)
{
    if (json_is_string(type)) {
        buffer_format(into, "\"%s\"", json_string_value(type));
    } else if (json_is_array(type)) {
        for (size_t i = 0; i < json_array_size(type); i++) {
            buffer_text(into, i ? "," : "[");
            put_canonical(into, json_array_get(type, i));
        }
        buffer_text(into, "]");
    } else if (!json_object_get(type, "fields")) {
        put_canonical(into, json_object_get(type, "type"));
    } else {
        buffer_format(into, "{\"name\":\"%s.%s\",\"type\":\"record\",\"fields\":",
                      json_string_value(json_object_get(type, "namespace")),
                      json_string_value(json_object_get(type, "name")));
        const json_t *fields = json_object_get(type, "fields");
        for (size_t i = 0; i < json_array_size(fields); i++) {
            const json_t *field = json_array_get(fields, i);
            buffer_format(into, "%s{\"name\":\"%s\",\"type\":", i ? "," : "[",
                          json_string_value(json_object_get(field, "name")));
            put_canonical(into, json_object_get(field, "type"));
            buffer_text(into, "}");
        }
        buffer_text(into, "]}");
    }
}

/* From Avro's own tests (share/test/data/schema-tests.txt). */
Test(avro_schemas, the_tests_fingerprint_is_avros)
{
    cr_expect(eq(i64, (int64_t)fingerprint("\"null\""), INT64_C(7195948357588979594)));
    cr_expect(eq(i64, (int64_t)fingerprint("\"int\""), INT64_C(8247732601305521295)));
    cr_expect(eq(i64, (int64_t)fingerprint("\"string\""), INT64_C(-8142146995180207161)));
}

Test(avro_schemas, fingerprints_are_those_of_the_canonical_forms)
{
    struct buffer canonical;
    buffer_init(&canonical, 10000);
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        json_t *schema = json_loads(avro_schema_text((enum schema)i), JSON_REJECT_DUPLICATES, NULL);
        buffer_clear(&canonical);
        put_canonical(&canonical, schema);
        cr_expect(eq(u64, schema_table[i].fingerprint, fingerprint(canonical.bytes)), "%s",
                  schema_table[i].name);
        json_decref(schema);
    }
    buffer_release(&canonical);
}

Test(avro_schemas, every_file_is_a_row_and_is_in_the_executable)
{
    cr_expect(eq(sz, avro_file_count, SCHEMA_COUNT));
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        char path[500];
        (void)snprintf(path, sizeof path, SOURCE_DIRECTORY "/schemas/avro/%s.avsc", schema_table[i].name);
        char *text = file_text(path);
        cr_expect(eq(str, avro_schema_text((enum schema)i), text), "%s", schema_table[i].name);
        free(text);
    }
}

/* What other teams read is explained, and another implementation of Avro takes it. */
Test(avro_schemas, every_schema_is_valid_and_every_field_has_a_doc)
{
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        const char *text = avro_schema_text((enum schema)i);
        avro_schema_t parsed;
        cr_assert(eq(int, avro_schema_from_json_length(text, strlen(text), &parsed), 0), "%s",
                  avro_strerror());
        cr_expect(eq(str, avro_schema_name(parsed), schema_table[i].name));
        cr_expect(eq(str, avro_schema_namespace(parsed), "outbound"));
        avro_schema_decref(parsed);

        json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        cr_expect(ne(ptr, json_object_get(schema, "doc"), NULL), "%s", schema_table[i].name);
        const json_t *fields = json_object_get(schema, "fields");
        cr_expect(gt(sz, json_array_size(fields), 0));
        for (size_t j = 0; j < json_array_size(fields); j++) {
            const json_t *field = json_array_get(fields, j);
            cr_expect(ne(ptr, json_object_get(field, "doc"), NULL), "%s: %s", schema_table[i].name,
                      json_string_value(json_object_get(field, "name")));
        }
        json_decref(schema);
    }
}
