#include "schemas/wire.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "support/fence.h"

#define MEM(pointer, length) ((struct cr_mem){.data = (pointer), .size = (length)})

Test(wire, header_without_a_registry_is_the_fingerprint_little_endian)
{
    struct buffer buffer;
    struct wire_record record;
    buffer_init(&buffer, 100);
    wire_put_header(&buffer, SCHEMA_REFERENCE, 0);
    cr_expect(eq(mem, MEM(buffer.bytes, buffer.length), MEM("\xc3\x01\x94\x31\x4e\xdc\xea\xd0\xa5\x95", 10)));
    buffer_text(&buffer, "datum");
    cr_assert(wire_parse(buffer.bytes, buffer.length, &record));
    cr_expect(eq(int, record.framing, SINGLE_OBJECT));
    cr_expect(eq(u64, record.fingerprint, UINT64_C(0x95a5d0eadc4e3194)));
    cr_expect(eq(mem, MEM((void *)record.datum, record.length), MEM("datum", 5)));
    buffer_release(&buffer);
}

Test(wire, header_with_a_registry_is_the_id_big_endian)
{
    struct buffer buffer;
    struct wire_record record;
    buffer_init(&buffer, 100);
    wire_put_header(&buffer, SCHEMA_STATUS_EVENT, 0x01020304);
    cr_expect(eq(mem, MEM(buffer.bytes, buffer.length), MEM("\0\x01\x02\x03\x04", 5)));
    buffer_text(&buffer, "datum");
    cr_assert(wire_parse(buffer.bytes, buffer.length, &record));
    cr_expect(eq(int, record.framing, REGISTRY));
    cr_expect(eq(i32, record.schema_id, 0x01020304));
    cr_expect(eq(mem, MEM((void *)record.datum, record.length), MEM("datum", 5)));
    buffer_release(&buffer);
}

Test(wire, id_of_which_nothing_is_known_is_given_as_it_stands)
{
    struct wire_record record;
    cr_assert(wire_parse("\0\xff\xff\xff\xff", 5, &record));
    cr_expect(eq(i32, record.schema_id, -1));
    cr_expect(eq(sz, record.length, 0));
}

static void expect_refused(const char *bytes, size_t length, void *arg)
{
    struct wire_record record;
    (void)arg;
    cr_expect(not(wire_parse(bytes, length, &record)), "%zu bytes", length);
}

Test(wire, what_begins_like_neither_is_refused)
{
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {{"", 0},
                {"\0", 1},
                {"\0\0\0\1", 4},
                {"\xc3", 1},
                {"\xc3\x01\x94\x31\x4e\xdc\xea\xd0\xa5", 9},
                {"\xc3\x02\x94\x31\x4e\xdc\xea\xd0\xa5\x95", 10},
                {"\1\0\0\0\1datum", 10},
                {"{\"source\":\"shop\"}", 17}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fenced(rows[i].bytes, rows[i].length, expect_refused, NULL);
    }
}

Test(wire, own_record_is_opened_by_its_own_schema_only)
{
    struct buffer buffer;
    struct avro_cursor cursor;
    enum error_code code = ERROR_NONE;
    buffer_init(&buffer, 100);
    wire_put_header(&buffer, SCHEMA_DEAD_LETTER, 0);
    cr_expect(wire_open(buffer.bytes, buffer.length, SCHEMA_DEAD_LETTER, &cursor, &code));
    cr_expect(eq(sz, avro_left(&cursor), 0));
    cr_expect(not(wire_open(buffer.bytes, buffer.length, SCHEMA_REFERENCE, &cursor, &code)));
    cr_expect(eq(int, code, ERROR_UNKNOWN_SCHEMA));
    cr_expect(not(wire_open("\0\0\0\0\1", 5, SCHEMA_REFERENCE, &cursor, &code)));
    cr_expect(eq(int, code, ERROR_MALFORMED_RECORD));
    buffer_release(&buffer);
}
