#include "support/avro_json.h"

#include <avro.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void expect_avro_json(enum schema schema, const void *datum, size_t length, const char *json)
{
    const char *text = avro_schema_text(schema);
    avro_schema_t parsed;
    avro_value_t value;
    char *got;
    char behind;
    cr_assert(eq(int, avro_schema_from_json_length(text, strlen(text), &parsed), 0), "%s", avro_strerror());
    avro_value_iface_t *type = avro_generic_class_from_schema(parsed);
    cr_assert(eq(int, avro_generic_value_new(type, &value), 0));
    avro_reader_t reader = avro_reader_memory(datum, (int64_t)length);
    cr_assert(eq(int, avro_value_read(reader, &value), 0), "%s", avro_strerror());
    cr_expect(ne(int, avro_read(reader, &behind, 1), 0), "bytes are left");
    cr_assert(eq(int, avro_value_to_json(&value, 1, &got), 0), "%s", avro_strerror());

    json_t *got_json = json_loads(got, 0, NULL);
    json_t *wanted_json = json_loads(json, 0, NULL);
    cr_assert(ne(ptr, wanted_json, NULL), "the test's JSON is none");
    cr_expect(json_equal(got_json, wanted_json) != 0, "%s\nis not\n%s", got, json);
    json_decref(got_json);
    json_decref(wanted_json);
    free(got);
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(type);
    avro_schema_decref(parsed);
}
