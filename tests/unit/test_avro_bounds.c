#include "schemas/avro_bounds.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "schemas/avro_write.h"
#include "support/fence.h"
#include "support/leaks.h"
#include "support/says.h"

TestSuite(avro_bounds, .fini = no_leaks);

#define ENUM "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"
#define FIXED "{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}"
#define ARRAY(items) "{\"type\":\"array\",\"items\":" items "}"
#define MAP(values) "{\"type\":\"map\",\"values\":" values "}"
#define LIST "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",\"L\"]}]}"

struct look {
    avro_schema_t schema;
    const char *problem;
    size_t left;
};

static void look(const char *bytes, size_t length, void *arg)
{
    struct look *look = arg;
    struct avro_cursor cursor = avro_cursor_of(bytes, length);
    struct avro_budget budget = avro_budget_for(length);
    look->problem = avro_pass(&cursor, look->schema, &budget);
    look->left = avro_left(&cursor);
    cr_expect(eq(int, cursor.failed, look->problem != NULL));
}

/* What avro_pass() says of the bytes, which stand beside memory that may not be touched. */
static const char *pass(const char *schema, const char *bytes, size_t length, size_t *ret_left)
{
    struct look looked;
    cr_assert(eq(int, avro_schema_from_json_length(schema, strlen(schema), &looked.schema), 0), "%s", schema);
    fenced(bytes, length, look, &looked);
    avro_schema_decref(looked.schema);
    *ret_left = looked.left;
    return looked.problem;
}

/* The examples are Avro's where its specification has one. */
static const struct {
    const char *schema;
    const char *bytes;
    size_t length;
} good[] = {
    {"\"null\"", "", 0},
    {"\"boolean\"", "\x01", 1},
    {"\"int\"", "\x7f", 1},
    {"\"int\"", "\xff\xff\xff\xff\x0f", 5},
    {"\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
    {"\"float\"", "\0\0\x80\x3f", 4},
    {"\"double\"", "\0\0\0\0\0\0\xf0\x3f", 8},
    {"\"string\"",
     "\x06"
     "foo",
     4},
    {"\"string\"", "\0", 1},
    {"\"bytes\"", "\x06\0\xff\0", 4},
    {FIXED, "\0\xff\0", 3},
    {ENUM, "\x02", 1},
    {"[\"null\",\"string\"]",
     "\x02\x02"
     "a",
     3},
    {ARRAY("\"long\""), "\x04\x06\x36\0", 4},
    {ARRAY("\"long\""), "\x03\x04\x06\x36\0", 5},
    {ARRAY("\"long\""), "\x02\x06\x02\x36\0", 5},
    {MAP("\"int\""),
     "\x02\x02"
     "k\x02\0",
     5},
    {LIST, "\x02\x02\0", 3},
};

Test(avro_bounds, sound_values_are_passed_to_their_end)
{
    size_t left;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char bytes[32];
        memcpy(bytes, good[i].bytes, good[i].length);
        memset(bytes + good[i].length, 'x', 4);
        cr_expect(eq(ptr, (void *)pass(good[i].schema, bytes, good[i].length + 4, &left), NULL), "row %zu",
                  i);
        cr_expect(eq(sz, left, 4), "row %zu", i);
    }
}

Test(avro_bounds, no_value_may_lack_its_end)
{
    size_t left;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        for (size_t length = 0; length < good[i].length; length++) {
            cr_expect(ne(ptr, (void *)pass(good[i].schema, good[i].bytes, length, &left), NULL),
                      "row %zu, %zu bytes", i, length);
        }
    }
}

Test(avro_bounds, unsound_values_are_refused_with_the_reason)
{
    static const struct {
        const char *schema;
        const char *bytes;
        size_t length;
        const char *says;
    } rows[] = {
        {"\"boolean\"", "\x02", 1, "boolean"},
        {"\"int\"", "\x80\x80\x80\x80\x10", 5, "more than 32 bits"},
        {"\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, "longer than 64 bits"},
        {"\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "longer than 64 bits"},
        {"\"string\"", "\x01", 1, "ends before"},
        {"\"string\"",
         "\x80\x84\xaf\x5f"
         "abc",
         7, "ends before"}, /* 100 MB */
        {"\"string\"",
         "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
         "abc",
         13, "ends before"},
        {"\"bytes\"",
         "\x80\x84\xaf\x5f"
         "abc",
         7, "ends before"},
        {"\"string\"",
         "\x06"
         "a\0b",
         4, "NUL"},
        {"\"string\"",
         "\x06"
         "a\xe9"
         "b",
         4, "UTF-8"},
        {MAP("\"int\""), "\x02\x02\xff\x02\0", 5, "UTF-8"},
        {ENUM, "\x04", 1, "enum"},
        {ENUM, "\x01", 1, "enum"},
        {"[\"null\",\"string\"]", "\x04", 1, "branch"},
        {"[\"null\",\"string\"]", "\x01", 1, "branch"},
        {"[\"null\",\"string\"]", "\x80\x80\x80\x80\x20", 5, "branch"}, /* 2^32: 0 in an int */
        {ARRAY("\"null\""), "\x80\xa8\xd6\xb9\x07\0", 6, "items"},      /* 10^9 */
        {ARRAY("\"null\""), "\x06\0", 2, "items"},
        {MAP("\"null\""), "\x80\xa8\xd6\xb9\x07\0", 6, "items"},
        {ARRAY("\"null\""), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0", 12, "items"}, /* -2^63 */
        {ARRAY("\"long\""), "\x03\x06\x06\x36\0", 5, "another size"},
        {ARRAY("\"long\""), "\x03\x02\x06\x36\0", 5, "another size"},
        {ARRAY("\"long\""), "\x03\x01\x06\x36\0", 5, "larger than"},
        {ARRAY("\"long\""), "\x03\x14\x06\x36\0", 5, "larger than"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "abc", 3, "ends before"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":9223372036854775807}", "abc", 3, "ends before"},
    };
    size_t left;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *problem = pass(rows[i].schema, rows[i].bytes, rows[i].length, &left);
        EXPECT_SAYS(problem ? problem : "nothing", rows[i].says);
    }
}

/* avro-c's own reader overflows its stack with this. */
Test(avro_bounds, recursion_ends_at_its_limit)
{
    char *bytes = memory_new(100000);
    size_t left;
    memset(bytes, 2, 99999);
    EXPECT_SAYS(pass(LIST, bytes, 60000, &left), "deeper than 64");
    cr_expect(gt(sz, left, 59000));
    bytes[30] = 0; /* 31 records, their unions, and a null */
    cr_expect(eq(ptr, (void *)pass(LIST, bytes, 31, &left), NULL));
    bytes[30] = 2;
    bytes[31] = 0;
    EXPECT_SAYS(pass(LIST, bytes, 32, &left), "deeper than 64");
    free(bytes);
}

/* Each record holds the one before it twice: 2^40 values without a byte. */
Test(avro_bounds, work_is_bounded_by_the_bytes_not_by_the_schema)
{
    struct buffer schema;
    size_t left;
    buffer_init(&schema, 100000);
    buffer_text(
        &schema,
        "{\"type\":\"record\",\"name\":\"Top\",\"fields\":[{\"name\":\"r0\",\"type\":{\"type\":\"record\","
        "\"name\":\"R0\",\"fields\":[]}}");
    for (int i = 1; i <= 40; i++) {
        buffer_format(&schema,
                      ",{\"name\":\"r%d\",\"type\":{\"type\":\"record\",\"name\":\"R%d\",\"fields\":["
                      "{\"name\":\"a\",\"type\":\"R%d\"},{\"name\":\"b\",\"type\":\"R%d\"}]}}",
                      i, i, i - 1, i - 1);
    }
    buffer_text(&schema, "]}");
    EXPECT_SAYS(pass(schema.bytes, "", 0, &left), "more values than its bytes warrant");
    buffer_release(&schema);
}

/* 1 MB of honest items costs no more steps than there are for it. */
Test(avro_bounds, large_values_are_passed)
{
    struct buffer bytes;
    buffer_init(&bytes, 2 << 20);
    avro_put_long(&bytes, 250000);
    for (int i = 0; i < 250000; i++) {
        avro_put_nullable_string(&bytes, text_of("ab"));
    }
    avro_put_long(&bytes, 0);
    struct look looked;
    static const char schema[] = ARRAY("[\"null\",\"string\"]");
    cr_assert(eq(int, avro_schema_from_json_length(schema, strlen(schema), &looked.schema), 0));
    look(bytes.bytes, bytes.length, &looked);
    cr_expect(eq(ptr, (void *)looked.problem, NULL));
    cr_expect(eq(sz, looked.left, 0));
    avro_schema_decref(looked.schema);
    buffer_release(&bytes);
}
