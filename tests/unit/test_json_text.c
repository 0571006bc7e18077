#include "base/json_text.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "support/fence.h"

Test(json_text, member)
{
    static const struct {
        const char *text;
        const char *name;
        const char *value; /* NULL: there is none */
    } rows[] = {
        {"{\"a\":1}", "a", "1"},
        {"{\"a\":1}", "b", NULL},
        {"{\"a\":1}", "", NULL},
        {"{\"\":1}", "", "1"},
        {"{}", "a", NULL},
        {"", "a", NULL},
        {"[\"a\"]", "b", NULL},
        {"[{\"a\":1}]", "a", NULL},
        {"[[\"a\",1]]", "a", NULL},
        {"{\"a\":1,\"b\":2}", "a", "1"},
        {"{\"a\":1,\"b\":2}", "b", "2"},
        {" \r\n\t{ \"a\" \n:\t 1.10 \r\n, \"b\" : 1e5 }", "a", "1.10"},
        {" \r\n\t{ \"a\" \n:\t 1.10 \r\n, \"b\" : 1e5 }", "b", "1e5"},
        {"{\"ab\":1,\"a\":2}", "a", "2"},
        {"{\"a\":1,\"ab\":2}", "ab", "2"},
        {"{\"a\":null,\"b\":true}", "b", "true"},
        {"{\"a\":{ \"b\" : [ 1 , 2 ] },\"c\":3}", "a", "{ \"b\" : [ 1 , 2 ] }"},
        {"{\"a\":{\"b\":1},\"b\":2}", "b", "2"}, /* the top level's, not the nested one */
        {"{\"a\":{\"b\":1}}", "b", NULL},
        {"{\"a\":[{\"b\":1},2],\"b\":[3]}", "b", "[3]"},
        {"{\"a\":\"b\",\"b\":\"x\"}", "b", "\"x\""},     /* a value that reads like the name */
        {"{\"a\":\"\\\"b\\\":1\",\"b\":2}", "b", "2"},   /* escaped quotes do not end a string */
        {"{\"a\":\"\\\\\",\"b\":2}", "b", "2"},          /* an escaped backslash does not escape */
        {"{\"a\":\"}],{[\",\"b\":2}", "a", "\"}],{[\""}, /* brackets and commas in a string do not count */
        {"{\"a\":\"}],{[\",\"b\":2}", "b", "2"},
        {"{\"a}\":1,\"b\":2}", "b", "2"},
        {"{\"a\":[\"}\"],\"b\":2}", "b", "2"},
        {"{\"\\u0061\":1}", "a", NULL}, /* keys with escapes do not match */
        {"{\"\\u0061\":1,\"a\":2}", "a", "2"},
        {"{\"a\":1}{\"b\":2}", "b", NULL}, /* behind the object is nothing of ours */
        {"{\"a\":1} \"b\":2", "b", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *value = NULL;
        size_t length = 0;
        const bool found =
            json_text_member(rows[i].text, strlen(rows[i].text), rows[i].name, &value, &length);
        cr_expect(found == (rows[i].value != NULL), "%s in %s", rows[i].name, rows[i].text);
        if (found && rows[i].value) {
            char copy[100];
            (void)snprintf(copy, sizeof copy, "%.*s", (int)length, value);
            cr_expect(eq(str, copy, rows[i].value), "%s in %s", rows[i].name, rows[i].text);
            cr_expect(value >= rows[i].text && value + length <= rows[i].text + strlen(rows[i].text));
        }
    }
}

Test(json_text, deeper_than)
{
    static const struct {
        const char *text;
        size_t limit;
        int position; /* -1: not deeper */
    } rows[] = {
        {"", 0, -1},
        {"1", 0, -1},
        {"{}", 0, 0},
        {"{}", 1, -1},
        {"[[1]]", 1, 1},
        {"[[1]]", 2, -1},
        {"[1,[2],{\"a\":[3]}]", 2, 12},
        {"[1,[2],{\"a\":[3]}]", 3, -1},
        {"[],[],[],[]", 1, -1},
        {"{\"a\":\"[[[[\"}", 1, -1},
        {"{\"a\\\"[[[[\":1}", 1, -1},
        {"{\"a\\\\\":[]}", 1, 7},
        {"]]]][[", 1, 5}, /* what closes nothing does not make room */
        {"}}{[", 1, 3},
        {"\"[[[", 0, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t position = SIZE_MAX;
        const bool deeper =
            json_text_deeper_than(rows[i].text, strlen(rows[i].text), rows[i].limit, &position);
        cr_expect(deeper == (rows[i].position >= 0), "%s, %zu", rows[i].text, rows[i].limit);
        cr_expect(deeper ? position == (size_t)rows[i].position : true, "%s, %zu: at %zu", rows[i].text,
                  rows[i].limit, position);
    }
}

Test(json_text, deep_nesting_needs_no_stack)
{
    static char text[60000];
    memset(text, '[', sizeof text);
    size_t position;
    cr_expect(not(json_text_deeper_than(text, sizeof text, sizeof text, &position)));
    cr_assert(json_text_deeper_than(text, sizeof text, sizeof text - 1, &position));
    cr_expect(eq(sz, position, sizeof text - 1));
}

Test(json_text, member_at)
{
    static const char text[] = "{ \"first\" : [1, {\"in\": 2}] , \"second\":\"a,}b\",\"third\":x}";
    const char *const names[] = {"first", "second", "third"};
    const char *const shown[] = {"\"first\"", "1, {", "\"in\"", "2}]", "second", "a,}b", "third", "x"};
    const size_t owner[] = {0, 0, 0, 0, 1, 1, 2, 2};
    for (size_t i = 0; i < sizeof owner / sizeof *owner; i++) {
        const char *from = strstr(text, shown[i]);
        cr_assert(from != NULL);
        /* The first byte of a name is its opening quote, which belongs to nothing yet. */
        for (const char *at = from + (*from == '"'); at < from + strlen(shown[i]); at++) {
            const char *name;
            size_t length;
            cr_assert(json_text_member_at(text, strlen(text), (size_t)(at - text), &name, &length), "%s", at);
            cr_expect(length == strlen(names[owner[i]]) && memcmp(name, names[owner[i]], length) == 0,
                      "%s belongs to %.*s", at, (int)length, name);
        }
    }
    const char *name;
    size_t length;
    cr_expect(not(json_text_member_at(text, strlen(text), 0, &name, &length)));
    cr_expect(not(json_text_member_at(text, strlen(text), strlen(text) + 1, &name, &length)));
    cr_expect(not(json_text_member_at("", 0, 0, &name, &length)));
}

static void expect_inside(const char *text, size_t length, const char *part, size_t part_length,
                          const char *what)
{
    cr_assert(part >= text && part_length <= length && part + part_length <= text + length,
              "%s of \"%.*s\": %zu bytes at %td", what, (int)length, text, part_length, part - text);
}

/* Asks everything there is to ask of a text; each answer must lie within it. */
static void ask_everything(const char *text, size_t length, void *arg)
{
    (void)arg;
    static const char *const names[] = {"a", "", "payloadJson", "b", "\\\"", "{"};
    const char *part;
    size_t part_length;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (json_text_member(text, length, names[i], &part, &part_length)) {
            expect_inside(text, length, part, part_length, names[i]);
        }
    }
    for (size_t position = 0; position <= length + 1; position++) {
        if (json_text_member_at(text, length, position, &part, &part_length)) {
            expect_inside(text, length, part, part_length, "the member");
        }
    }
    for (size_t limit = 0; limit < 6; limit++) {
        size_t position;
        if (json_text_deeper_than(text, length, limit, &position)) {
            cr_assert(lt(sz, position, length));
        }
    }
}

static const char *const documents[] = {
    "{\"a\":1,\"payloadJson\" : { \"x\": [1.10, {\"y\":\"]}\\\"\"}], \"z\":\"\\\\\" } , \"b\":null}",
    "[[{\"a\":[]}],\"}\",{\"b\":\"\\u007b\"}]",
    "{\"\\\"\":\"\\\\\\\"\",\"\":\"\",\"{\":{\"}\":\"{\"},\"a\"\n:\t[\r] }",
    "  {\"a\" \"b\" : : ,,\"payloadJson\"}}}{{\"\\",
    "\"\\\"\\",
    "{\"",
};

Test(json_text, no_prefix_is_read_beyond_its_end)
{
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        for (size_t length = 0; length <= strlen(documents[i]); length++) {
            fenced(documents[i], length, ask_everything, NULL);
        }
    }
}

Test(json_text, no_suffix_is_read_beyond_its_ends)
{
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        for (const char *from = documents[i]; *from; from++) {
            fenced(from, strlen(from), ask_everything, NULL);
        }
    }
}

Test(json_text, no_broken_document_is_read_beyond_its_ends)
{
    static const char breakers[] = "{}[]\",:\\ x\0\xff";
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        char text[200];
        const size_t length = strlen(documents[i]);
        for (size_t at = 0; at < length; at++) {
            for (size_t j = 0; j < sizeof breakers; j++) {
                memcpy(text, documents[i], length);
                text[at] = breakers[j];
                fenced(text, length, ask_everything, NULL);
            }
        }
    }
}
