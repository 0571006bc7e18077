#include "schemas/avro_compat.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "schemas/avro_schemas.h"
#include "support/leaks.h"
#include "support/says.h"
#include "support/time_limit.h"

TestSuite(avro_compat, .init = time_limit, .fini = no_leaks);

struct said {
    size_t times;
    char first[600];
};

static void on_incompatible(void *arg, const char *path, const char *what)
{
    struct said *said = arg;
    if (said->times++ == 0) {
        (void)snprintf(said->first, sizeof said->first, "%s %s", path, what);
    }
}

/* Why `reader` cannot read what `writer` wrote, the first reason; "" when it can. */
static const char *reason(const char *reader, const char *writer)
{
    static struct said said;
    struct error error;
    size_t count = 99;
    said = (struct said){.times = 0};
    cr_assert(avro_compat(reader, writer, on_incompatible, &said, &count, &error), "%s\n%s\n%s", error.text,
              reader, writer);
    cr_expect(eq(sz, count, said.times));
    return said.first;
}

/* FIELD is an object without its braces. */
#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define WITH(name, type, more) "{\"name\":\"" name "\",\"type\":" type "," more "}"
#define ENUM(symbols, more) "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[" symbols "]" more "}"
#define FIXED(name, size) "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"
#define ARRAY(items) "{\"type\":\"array\",\"items\":" items "}"
#define MAP(values) "{\"type\":\"map\",\"values\":" values "}"
/* A record that holds itself, and a field more. */
#define CHAIN(type)                                                                                          \
    "{\"type\":\"record\",\"name\":\"Chain\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",\"Chain\"]}," \
    "{\"name\":\"value\",\"type\":" type "}]}"

Test(avro_compat, every_rule_both_ways)
{
    /* Avro specification 1.11, "Schema Resolution", in its order. "" is "can be read"; else a part of the
     * reason. */
    static const struct {
        const char *a, *b;
        const char *a_reads_b, *b_reads_a;
    } rows[] = {
        /* the same primitive type, however it is spelled */
        {"\"null\"", "\"null\"", "", ""},
        {"\"boolean\"", "{\"type\":\"boolean\"}", "", ""},
        {"\"string\"", "{\"type\":{\"type\":\"string\",\"logicalType\":\"uuid\"}}", "", ""},
        {"\"boolean\"", "\"int\"", "boolean is boolean, written is int", "int is int, written is boolean"},
        {"\"null\"", "\"string\"", "is null, written is string", "is string, written is null"},
        /* promotions */
        {"\"long\"", "\"int\"", "", "is int, written is long"},
        {"\"float\"", "\"int\"", "", "is int, written is float"},
        {"\"double\"", "\"int\"", "", "is int, written is double"},
        {"\"float\"", "\"long\"", "", "is long, written is float"},
        {"\"double\"", "\"long\"", "", "is long, written is double"},
        {"\"double\"", "\"float\"", "", "is float, written is double"},
        {"\"bytes\"", "\"string\"", "", ""},
        {"\"string\"", "\"int\"", "is string, written is int", "is int, written is string"},
        {"\"bytes\"", FIXED("F", "4"), "is bytes, written is fixed F", "is fixed F, written is bytes"},
        /* arrays and maps: what is in them */
        {ARRAY("\"long\""), ARRAY("\"int\""), "", "array[] is int, written is long"},
        {MAP("\"double\""), MAP("\"float\""), "", "map{} is float, written is double"},
        {ARRAY("\"int\""), MAP("\"int\""), "is array, written is map", "is map, written is array"},
        /* enums: the unqualified name, and the symbols unless there is a default */
        {ENUM("\"A\",\"B\"", ""), ENUM("\"A\"", ""), "", "E has no symbol B"},
        {ENUM("\"A\",\"B\"", ""), ENUM("\"A\"", ",\"default\":\"A\""), "", ""},
        {ENUM("\"A\"", ",\"namespace\":\"x\""), ENUM("\"A\"", ",\"namespace\":\"y\""), "", ""},
        {ENUM("\"A\"", ""), "{\"type\":\"enum\",\"name\":\"Other\",\"symbols\":[\"A\"]}",
         "is enum E, written is enum Other", "is enum Other, written is enum E"},
        {ENUM("\"A\"", ",\"aliases\":[\"Other\"]"),
         "{\"type\":\"enum\",\"name\":\"Other\",\"symbols\":[\"A\"]}", "",
         "is enum Other, written is enum E"},
        /* fixed: name and size */
        {FIXED("F", "4"), FIXED("F", "4"), "", ""},
        {FIXED("F", "4"), FIXED("F", "8"), "F has a size of 4, written is 8",
         "has a size of 8, written is 4"},
        {FIXED("F", "4"), FIXED("G", "4"), "is fixed F, written is fixed G",
         "is fixed G, written is fixed F"},
        /* records: fields by name, in any order */
        {RECORD(FIELD("x", "\"int\"") "," FIELD("y", "\"string\"")),
         RECORD(FIELD("y", "\"string\"") "," FIELD("x", "\"int\"")), "", ""},
        {RECORD(FIELD("x", "\"int\"") "," FIELD("y", "\"int\"")), RECORD(FIELD("x", "\"int\"")),
         "R.y is not written, and has no default", ""},
        {RECORD(FIELD("x", "\"int\"") "," WITH("y", "\"int\"", "\"default\":0")),
         RECORD(FIELD("x", "\"int\"")), "", ""},
        {RECORD(WITH("y", "[\"null\",\"int\"]", "\"default\":null")), RECORD(""), "", ""},
        {RECORD(FIELD("x", "\"long\"")), RECORD(FIELD("x", "\"int\"")), "", "R.x is int, written is long"},
        {RECORD(WITH("x", "\"int\"", "\"aliases\":[\"old\"]")), RECORD(FIELD("old", "\"int\"")), "",
         "R.old is not written"},
        {RECORD(""), "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"elsewhere\",\"fields\":[]}", "",
         ""},
        {RECORD(""), "{\"type\":\"record\",\"name\":\"n.S\",\"fields\":[]}",
         "is record n.R, written is record n.S", "is record n.S, written is record n.R"},
        {"{\"type\":\"record\",\"name\":\"n.S\",\"aliases\":[\"R\"],\"fields\":[]}", RECORD(""), "",
         "is record n.R, written is record n.S"},
        {"{\"type\":\"record\",\"name\":\"n.S\",\"aliases\":[\"m.R\"],\"fields\":[]}", RECORD(""),
         "is record n.S, written is record n.R", "is record n.R"},
        /* unions: each branch that may be written is read by one of the reader's */
        {"[\"null\",\"int\"]", "\"int\"", "", "int[null] is int, written is null"},
        {"[\"null\",\"long\"]", "\"int\"", "", "int[null]"},
        {"[\"null\",\"string\"]", "[\"null\",\"string\"]", "", ""},
        {"[\"string\",\"null\"]", "[\"null\",\"string\"]", "", ""},
        {"[\"null\",\"string\",\"int\"]", "[\"null\",\"string\"]", "",
         "union[int] has no branch that reads int"},
        {"[\"int\",\"string\"]", "[\"string\",\"int\"]", "", ""},
        {"\"long\"", "[\"int\",\"long\"]", "", ""},
        {"\"int\"", "[\"int\",\"long\"]", "int[long] is int, written is long", ""},
        {"[]", "\"int\"", "has no branch that reads int", ""},
        {"[\"null\"," RECORD(FIELD("x", "\"int\"")) "]", "[\"null\"," RECORD("") "]",
         "union[record].x is not written", ""},
        /* recursion */
        {CHAIN("\"long\""), CHAIN("\"int\""), "", "Chain.value is int, written is long"},
        {CHAIN("\"int\""), CHAIN("\"int\""), "", ""},
        /* a name that is used again stands for its definition */
        {RECORD(FIELD("a", ENUM("\"A\"", "")) "," FIELD("b", "\"E\"")),
         RECORD(FIELD("a", ENUM("\"A\"", "")) "," FIELD("b", "\"n.E\"")), "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int way = 0; way < 2; way++) {
            const char *expected = way ? rows[i].b_reads_a : rows[i].a_reads_b;
            const char *found = way ? reason(rows[i].b, rows[i].a) : reason(rows[i].a, rows[i].b);
            const bool fine = *expected ? strstr(found, expected) != NULL : !*found;
            cr_expect(fine, "row %zu, %s: expected \"%s\", found \"%s\"", i, way ? "b reads a" : "a reads b",
                      expected, found);
        }
    }
}

Test(avro_compat, every_flaw_is_told)
{
    struct said said = {.times = 0};
    size_t count;
    struct error error;
    cr_assert(avro_compat(RECORD(FIELD("x", "\"int\"") "," FIELD("y", "\"int\"") "," FIELD("z", "\"int\"")),
                          RECORD(FIELD("y", "\"string\"")), on_incompatible, &said, &count, &error));
    cr_expect(eq(sz, count, 3));
    cr_expect(eq(str, said.first, "R.x is not written, and has no default"));
}

Test(avro_compat, what_is_no_schema_is_said)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "is not JSON"},
        {"{", "is not JSON"},
        {"1", "is not an Avro schema"},
        {"null", "is no type"},
        {"\"strin\"", "\"strin\" is no type"},
        {"{}", "is no type"},
        {"\"record\"", "is no type"},
        {"\"array\"", "is no type"},
        {"{\"type\":\"array\"}", "is no type"},
        {"{\"type\":\"map\",\"values\":\"nothing\"}", "\"nothing\" is no type"},
        {"{\"type\":\"record\",\"name\":\"R\"}", "R has no fields"},
        {"{\"type\":\"record\",\"fields\":[]}", "has no name"},
        {RECORD(FIELD("x", "\"Missing\"")), "\"Missing\" is no type, in n.R"},
        {RECORD("{\"type\":\"int\"}"), "field 1 of n.R has no name"},
        {RECORD("1"), "field 1 of n.R has no name"},
        {"{\"type\":\"enum\",\"name\":\"E\"}", "E has no list of symbols"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[1]}", "E has no list of symbols"},
        {"{\"type\":\"fixed\",\"name\":\"F\"}", "F has no size"},
        {"[\"null\",[\"int\"]]", "a union stands in a union"},
        {RECORD(FIELD("a", FIXED("F", "1")) "," FIELD("b", FIXED("F", "2"))), "n.F is defined twice"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error error = {.text = ""};
        size_t count;
        cr_expect(not(avro_compat(rows[i].text, "\"int\"", NULL, NULL, &count, &error)), "%s", rows[i].text);
        EXPECT_SAYS(error.text, rows[i].words);
        EXPECT_SAYS(error.text, "the reader's schema");
        cr_expect(not(avro_compat("\"int\"", rows[i].text, NULL, NULL, &count, &error)));
        EXPECT_SAYS(error.text, "the writer's schema");
    }
}

Test(avro_compat, a_deep_schema_is_refused_before_it_is_parsed)
{
    char text[4000];
    size_t length = 0;
    for (int i = 0; i < 150; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "{\"type\":");
    }
    struct error error;
    size_t count;
    cr_expect(not(avro_compat(text, "\"int\"", NULL, NULL, &count, &error)));
    EXPECT_SAYS(error.text, "nested deeper than");
}

Test(avro_compat, each_schema_of_ours_reads_itself)
{
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        const char *text = avro_schema_text((enum schema)i);
        cr_expect(eq(str, reason(text, text), ""));
    }
}
