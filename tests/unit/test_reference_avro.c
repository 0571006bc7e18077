/* The hand-written codec against an independent implementation of Avro and the published schema. */
#include "schemas/reference.h"

#include <avro.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "support/temp_file.h"

#define HEADER_SIZE 10

static avro_schema_t published(void)
{
    char *text = file_text(SOURCE_DIRECTORY "/schemas/avro/Reference.avsc");
    avro_schema_t schema;
    cr_assert(eq(int, avro_schema_from_json_length(text, strlen(text), &schema), 0), "%s", avro_strerror());
    free(text);
    return schema;
}

static const struct {
    const char *id;
    int32_t generation, fence;
    const char *org_id, *channel, *priority;
    int64_t expires_at_ms;
} rows[] = {
    {"01234567-89ab-cdef-fedc-ba9876543210", 0, 0, "default", "EMAIL", "normal", 0},
    {"ffffffff-ffff-ffff-ffff-ffffffffffff", INT32_MAX, INT32_MIN, "", "", "urgent", INT64_MAX},
    {"00000000-0000-0000-0000-000000000000", -1, 1,
     "ACME-Zürich-0123456789-0123456789-0123456789-0123456789-01", "WHATSAPP", "normal", 1769903999123},
    {"01980a5d-ac96-774b-bcce-b302099a8057", 1000, 64, "o", "SMS", "urgent", -1},
};

#define ROWS (sizeof rows / sizeof *rows)

static void expect_string(avro_value_t *record, const char *field, const char *wanted)
{
    avro_value_t value;
    const char *text;
    size_t size;
    cr_assert(eq(int, avro_value_get_by_name(record, field, &value, NULL), 0), "%s", field);
    cr_assert(eq(int, avro_value_get_string(&value, &text, &size), 0), "%s", field);
    cr_expect(eq(str, text, wanted), "%s", field);
    cr_expect(eq(sz, size, strlen(wanted) + 1), "%s", field);
}

static void expect_int(avro_value_t *record, const char *field, int32_t wanted)
{
    avro_value_t value;
    int32_t number;
    cr_assert(eq(int, avro_value_get_by_name(record, field, &value, NULL), 0), "%s", field);
    cr_assert(eq(int, avro_value_get_int(&value, &number), 0), "%s", field);
    cr_expect(eq(i32, number, wanted), "%s", field);
}

Test(reference_avro, what_we_encode_avro_decodes)
{
    avro_schema_t schema = published();
    avro_value_iface_t *type = avro_generic_class_from_schema(schema);
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    for (size_t i = 0; i < ROWS; i++) {
        struct reference reference = {.generation = rows[i].generation,
                                      .fence = rows[i].fence,
                                      .org_id = text_of(rows[i].org_id),
                                      .channel = text_of(rows[i].channel),
                                      .priority = text_of(rows[i].priority),
                                      .expires_at_ms = rows[i].expires_at_ms};
        cr_assert(uuid_parse(rows[i].id, 36, &reference.id));
        buffer_clear(&buffer);
        reference_encode(&reference, &buffer);

        avro_value_t record;
        avro_value_t value;
        cr_assert(eq(int, avro_generic_value_new(type, &record), 0));
        avro_reader_t reader =
            avro_reader_memory(buffer.bytes + HEADER_SIZE, (int64_t)buffer.length - HEADER_SIZE);
        cr_assert(eq(int, avro_value_read(reader, &record), 0), "row %zu: %s", i, avro_strerror());
        char behind;
        cr_expect(ne(int, avro_read(reader, &behind, 1), 0), "row %zu: bytes are left", i);
        avro_reader_free(reader);

        expect_string(&record, "id", rows[i].id);
        expect_int(&record, "generation", rows[i].generation);
        expect_int(&record, "fence", rows[i].fence);
        expect_string(&record, "orgId", rows[i].org_id);
        expect_string(&record, "channel", rows[i].channel);
        expect_string(&record, "priority", rows[i].priority);
        int branch;
        cr_assert(eq(int, avro_value_get_by_name(&record, "expiresAt", &value, NULL), 0));
        cr_assert(eq(int, avro_value_get_discriminant(&value, &branch), 0));
        cr_expect(eq(int, branch, rows[i].expires_at_ms != 0), "row %zu", i);
        if (branch == 1) {
            avro_value_t time;
            int64_t ms;
            cr_assert(eq(int, avro_value_get_current_branch(&value, &time), 0));
            cr_assert(eq(int, avro_value_get_long(&time, &ms), 0));
            cr_expect(eq(i64, ms, rows[i].expires_at_ms));
        }
        avro_value_decref(&record);
    }
    buffer_release(&buffer);
    avro_value_iface_decref(type);
    avro_schema_decref(schema);
}

static void put_string(avro_value_t *record, const char *field, const char *text)
{
    avro_value_t value;
    cr_assert(eq(int, avro_value_get_by_name(record, field, &value, NULL), 0), "%s", field);
    cr_assert(eq(int, avro_value_set_string(&value, text), 0), "%s", field);
}

static void put_int(avro_value_t *record, const char *field, int32_t number)
{
    avro_value_t value;
    cr_assert(eq(int, avro_value_get_by_name(record, field, &value, NULL), 0), "%s", field);
    cr_assert(eq(int, avro_value_set_int(&value, number), 0), "%s", field);
}

/* Writes row `i` with avro-c, header by hand; returns the size. */
static size_t avro_encode(avro_value_iface_t *type, size_t i, char *bytes, size_t capacity)
{
    static const unsigned char header[HEADER_SIZE] = {0xc3, 0x01, 0x94, 0x31, 0x4e,
                                                      0xdc, 0xea, 0xd0, 0xa5, 0x95};
    avro_value_t record;
    avro_value_t value;
    avro_value_t time;
    cr_assert(eq(int, avro_generic_value_new(type, &record), 0));
    put_string(&record, "id", rows[i].id);
    put_int(&record, "generation", rows[i].generation);
    put_int(&record, "fence", rows[i].fence);
    put_string(&record, "orgId", rows[i].org_id);
    put_string(&record, "channel", rows[i].channel);
    put_string(&record, "priority", rows[i].priority);
    cr_assert(eq(int, avro_value_get_by_name(&record, "expiresAt", &value, NULL), 0));
    cr_assert(eq(int, avro_value_set_branch(&value, rows[i].expires_at_ms != 0, &time), 0));
    cr_assert(eq(int,
                 rows[i].expires_at_ms ? avro_value_set_long(&time, rows[i].expires_at_ms)
                                       : avro_value_set_null(&time),
                 0));
    memcpy(bytes, header, HEADER_SIZE);
    avro_writer_t writer = avro_writer_memory(bytes + HEADER_SIZE, (int64_t)(capacity - HEADER_SIZE));
    cr_assert(eq(int, avro_value_write(writer, &record), 0), "%s", avro_strerror());
    const size_t length = HEADER_SIZE + (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
    avro_value_decref(&record);
    return length;
}

Test(reference_avro, what_avro_encodes_we_decode_and_would_have_encoded_alike)
{
    avro_schema_t schema = published();
    avro_value_iface_t *type = avro_generic_class_from_schema(schema);
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    for (size_t i = 0; i < ROWS; i++) {
        char bytes[1000];
        const size_t length = avro_encode(type, i, bytes, sizeof bytes);
        struct reference reference;
        enum error_code code = ERROR_NONE;
        cr_assert(reference_decode(bytes, length, &reference, &code), "row %zu: %d", i, (int)code);
        char id[UUID_TEXT_SIZE];
        uuid_format(&reference.id, id);
        cr_expect(eq(str, id, rows[i].id));
        cr_expect(eq(i32, reference.generation, rows[i].generation));
        cr_expect(eq(i32, reference.fence, rows[i].fence));
        cr_expect(text_is(reference.org_id, rows[i].org_id), "row %zu", i);
        cr_expect(text_is(reference.channel, rows[i].channel), "row %zu", i);
        cr_expect(text_is(reference.priority, rows[i].priority), "row %zu", i);
        cr_expect(eq(i64, reference.expires_at_ms, rows[i].expires_at_ms));

        buffer_clear(&buffer);
        reference_encode(&reference, &buffer);
        cr_expect(eq(mem, ((struct cr_mem){buffer.bytes, buffer.length}), ((struct cr_mem){bytes, length})));
    }
    buffer_release(&buffer);
    avro_value_iface_decref(type);
    avro_schema_decref(schema);
}
