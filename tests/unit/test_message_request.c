#include "producer/message_request.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fence.h"
#include "support/leaks.h"

TestSuite(message_request, .fini = no_leaks);

#define NOW_US INT64_C(1769903999000000)
#define MEM(pointer, length) ((struct cr_mem){.data = (pointer), .size = (length)})

/* A body, read as the API reads it. */
struct parsed {
    struct arena arena;
    struct new_message message;
    struct violations violations;
};

static void parse(struct parsed *parsed, const char *body, size_t length)
{
    *parsed = (struct parsed){.message = {.channel = CHANNEL_COUNT, .priority = text_of(PRIORITY_NORMAL)}};
    parsed->violations.arena = &parsed->arena;
    message_request_parse(body, length, &parsed->arena, &parsed->message, &parsed->violations);
}

static void check(struct parsed *parsed)
{
    if (parsed->violations.count == 0) {
        new_message_check(&parsed->message, MESSAGE_BY_HTTP, NOW_US, &parsed->violations);
    }
}

static void parsed_release(struct parsed *parsed)
{
    arena_release(&parsed->arena);
}

/* Exactly one violation, of this field. */
static void expect_named(const char *body, size_t length, void *field)
{
    struct parsed parsed;
    parse(&parsed, body, length);
    check(&parsed);
    cr_expect(eq(sz, parsed.violations.count, 1), "%.*s", (int)length, body);
    if (parsed.violations.count > 0) {
        cr_expect(eq(str, parsed.violations.items[0].field, (char *)field), "%.*s", (int)length, body);
        for (const char *at = parsed.violations.items[0].detail; *at; at++) {
            cr_assert(at[0] >= 0x20 && at[0] < 0x7f, "%.*s: its detail is not plain text", (int)length, body);
        }
    }
    parsed_release(&parsed);
}

static void expect_good(const char *body, size_t length, void *arg)
{
    (void)arg;
    struct parsed parsed;
    parse(&parsed, body, length);
    check(&parsed);
    cr_expect(eq(sz, parsed.violations.count, 0), "%.*s: %s %s", (int)length, body,
              parsed.violations.items[0].field, parsed.violations.items[0].detail);
    parsed_release(&parsed);
}

#define GOOD                                                                                                 \
    "{\"dossierId\":1,\"channel\":\"EMAIL\",\"to\":\"test@example.com\",\"templateCode\":\"welcome_email\"," \
    "\"subject\":\"Welcome\",\"payloadJson\":{\"name\":\"Test User\"}}"

/* A body in which one member has another value, is left out (NULL), or comes on top. Valid until the next
 * call. */
static const struct buffer *body_with(const char *name, const char *value, size_t value_length)
{
    static const char *const members[][2] = {
        {"dossierId", "1"},        {"channel", "\"EMAIL\""},   {"to", "\"test@example.com\""},
        {"templateCode", "\"t\""}, {"subject", "\"Welcome\""}, {"payloadJson", "{}"},
    };
    static struct buffer body = {.limit = FENCE_SIZE_MAX};
    buffer_clear(&body);
    bool used = false;
    for (size_t i = 0; i <= sizeof members / sizeof *members; i++) {
        const bool last = i == sizeof members / sizeof *members;
        const bool ours = last ? !used : strcmp(members[i][0], name) == 0;
        used = used || ours;
        const char *text = ours ? value : last ? NULL : members[i][1];
        if (text) {
            buffer_format(&body, "%s\"%s\":", body.length ? "," : "{", last ? name : members[i][0]);
            buffer_append(&body, text, ours ? value_length : strlen(text));
        }
    }
    buffer_text(&body, "}");
    return &body;
}

static void expect_value_named(const char *name, const char *value, size_t length, const char *field)
{
    const struct buffer *body = body_with(name, value, length);
    fenced(body->bytes, body->length, expect_named, (void *)(uintptr_t)field);
}

static void expect_value_good(const char *name, const char *value)
{
    const struct buffer *body = body_with(name, value, strlen(value));
    fenced(body->bytes, body->length, expect_good, NULL);
}

Test(message_request, the_guides_request)
{
    struct parsed parsed;
    parse(&parsed, GOOD, strlen(GOOD));
    const struct new_message *message = &parsed.message;
    cr_assert(eq(sz, parsed.violations.count, 0));
    cr_expect(eq(i64, message->dossier_id, 1));
    cr_expect(text_is(message->channel_name, "EMAIL"));
    cr_expect(text_is(message->to, "test@example.com"));
    cr_expect(text_is(message->template_code, "welcome_email"));
    cr_expect(text_is(message->subject, "Welcome"));
    cr_expect(text_is(message->payload, "{\"name\":\"Test User\"}"));
    cr_expect(text_is(message->priority, "normal"));
    cr_expect(eq(i64, message->expires_at_us, 0));
    cr_expect(not(message->has_request_hash));
    check(&parsed);
    cr_expect(eq(sz, parsed.violations.count, 0));
    parsed_release(&parsed);
}

Test(message_request, everything_that_may_be_given)
{
    static const char body[] = " {\"priority\":\"urgent\",\"expiresAt\":\"2030-01-31T12:00:00.5+01:00\","
                               "\"subject\":\"Gr\\u00fc\xc3\x9f"
                               "e\","
                               "\"id\":\"01890A5D-AC96-774B-BCCE-B302099A8057\",\"dossierId\":-"
                               "9223372036854775808,\"channel\":\"EMAIL\","
                               "\"to\":\"a@b.example\",\"templateCode\":\"t\",\"payloadJson\":{}} \r\n";
    struct parsed parsed;
    parse(&parsed, body, strlen(body));
    check(&parsed);
    cr_assert(eq(sz, parsed.violations.count, 0));
    const struct new_message *message = &parsed.message;
    cr_expect(text_is(message->priority, "urgent"));
    cr_expect(text_is(message->subject, "Grüße"));
    cr_expect(eq(i64, message->dossier_id, INT64_MIN));
    cr_expect(eq(i64, message->expires_at_us, INT64_C(1896087600500000)));
    char id[UUID_TEXT_SIZE];
    uuid_format(&message->id, id);
    cr_expect(eq(str, id, "01890a5d-ac96-774b-bcce-b302099a8057"));
    cr_expect(message->has_request_hash);
    parsed_release(&parsed);
}

static void expect_payload(const char *body, size_t length, void *arg)
{
    const char *payload = arg;
    struct parsed parsed;
    parse(&parsed, body, length);
    cr_assert(eq(sz, parsed.violations.count, 0));
    cr_expect(eq(mem, MEM(parsed.message.payload.bytes, parsed.message.payload.length),
                 MEM(payload, strlen(payload))));
    parsed_release(&parsed);
}

Test(message_request, payload_is_kept_byte_for_byte)
{
    static const char *const payloads[] = {
        "{}",
        "{ }",
        "{\"a\":1.10}",
        "{\"a\":1e5,\"b\":1E+5,\"c\":-0.0,\"d\":100000000000000000.5}",
        "{\"z\":1,\"a\":2,\"m\":3}",
        "{ \"a\" :\n\t[ 1 ,  2 ]\r\n, \"b\" : { } }",
        "{\"u\":\"\\u00fc\\/\\n\",\"v\":\"ü\"}",
        "{\"payloadJson\":{\"payloadJson\":1}}",
        "{\"a\":\"}\\\\\",\"b\":\"\\\"}{\"}",
        "{\"\":null}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        const struct buffer *body = body_with("payloadJson", payloads[i], strlen(payloads[i]));
        fenced(body->bytes, body->length, expect_payload, (void *)(uintptr_t)payloads[i]);

        char decoy[500];
        const int length =
            snprintf(decoy, sizeof decoy,
                     " {\"subject\":\"\\\"payloadJson\\\":{}\", \"payloadJson\" :\t%s \n,\"dossierId\":1}",
                     payloads[i]);
        fenced(decoy, (size_t)length, expect_payload, (void *)(uintptr_t)payloads[i]);
    }
}

/* Which values of JSON each field takes; the others are refused by its name. */
Test(message_request, wrong_types_name_their_field)
{
    enum { NUL = 1, BOOL = 2, INT = 4, REAL = 8, WORD = 16, LIST = 32, OBJECT = 64 };
    static const struct {
        const char *json;
        int kind;
    } values[] = {
        {"null", NUL},  {"true", BOOL}, {"false", BOOL},       {"7", INT},      {"-1", INT},
        {"1.0", REAL},  {"1e0", REAL},  {"\"word\"", WORD},    {"\"1\"", WORD}, {"[]", LIST},
        {"[{}]", LIST}, {"{}", OBJECT}, {"{\"a\":1}", OBJECT},
    };
    static const struct {
        const char *name;
        int kinds;
    } fields[] = {
        {"dossierId", INT},       {"channel", WORD},       {"to", WORD}, {"templateCode", WORD},
        {"subject", WORD | NUL},  {"payloadJson", OBJECT}, {"id", NUL},  {"expiresAt", NUL},
        {"priority", WORD | NUL},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        for (size_t j = 0; j < sizeof values / sizeof *values; j++) {
            const struct buffer *body = body_with(fields[i].name, values[j].json, strlen(values[j].json));
            struct parsed parsed;
            parse(&parsed, body->bytes, body->length);
            const bool fine = fields[i].kinds & values[j].kind;
            cr_expect(eq(sz, parsed.violations.count, fine ? 0 : 1), "%s: %s", fields[i].name,
                      values[j].json);
            if (parsed.violations.count > 0) {
                cr_expect(eq(str, parsed.violations.items[0].field, fields[i].name), "%s", values[j].json);
            }
            parsed_release(&parsed);
        }
    }
}

Test(message_request, what_is_missing_is_named)
{
    static const char *const required[] = {"dossierId",    "channel", "to",
                                           "templateCode", "subject", "payloadJson"};
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        expect_value_named(required[i], NULL, 0, required[i]);
    }
}

Test(message_request, null_is_like_leaving_out)
{
    struct parsed parsed;
    static const char body[] = "{\"dossierId\":1,\"subject\":null,\"priority\":null,\"id\":null,"
                               "\"expiresAt\":null,\"payloadJson\":{}}";
    parse(&parsed, body, strlen(body));
    cr_assert(eq(sz, parsed.violations.count, 0));
    cr_expect(parsed.message.subject.bytes == NULL);
    cr_expect(text_is(parsed.message.priority, PRIORITY_NORMAL));
    cr_expect(not(parsed.message.has_request_hash));
    parsed_release(&parsed);
}

Test(message_request, wrong_values_name_their_field)
{
    static const struct {
        const char *name;
        const char *value;
    } rows[] = {
        {"dossierId", "9223372036854775808"},
        {"dossierId", "-9223372036854775809"},
        {"dossierId", "01"},
        {"dossierId", "1.5.2"},
        {"channel", "\"PIGEON\""},
        {"to", "\"nobody\""},
        {"templateCode", "\"\""},
        {"subject", "\"a\\r\\nBcc: b\""},
        {"priority", "\"high\""},
        {"id", "\"01890a5d-ac96-774b-bcce-b302099a805\""},
        {"id", "\"\""},
        {"expiresAt", "\"tomorrow\""},
        {"expiresAt", "\"2026-01-31T23:59:59Z\""},
        {"expiresAt", "\"\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect_value_named(rows[i].name, rows[i].value, strlen(rows[i].value), rows[i].name);
    }
    expect_value_good("dossierId", "9223372036854775807");
    expect_value_good("expiresAt", "\"2026-02-01T00:00:00Z\"");
}

Test(message_request, unknown_fields_are_named)
{
    static const char *const names[] = {"x", "dossierID", "Subject", "payload", "größe", "", "a\\tb"};
    static const char *const told[] = {"x", "dossierID", "Subject", "payload", "größe", "", "a\tb"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        expect_value_named(names[i], "1", 1, told[i]);
    }
}

/* A name that is too long to be told would blow up the answer. */
Test(message_request, an_unknown_field_with_a_long_name_is_the_bodys)
{
    char name[1000];
    memset(name, 'n', sizeof name);
    name[63] = '\0';
    expect_value_named(name, "1", 1, name);
    name[63] = 'n';
    name[64] = '\0';
    expect_value_named(name, "1", 1, "body");
    expect_value_named(name, "tru", 3, "body");
    name[64] = 'n';
    name[999] = '\0';
    expect_value_named(name, "1", 1, "body");
}

Test(message_request, duplicates_are_named)
{
    static const char *const fields[] = {"dossierId",    "channel", "to",
                                         "templateCode", "subject", "payloadJson"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char body[1000];
        const size_t length =
            (size_t)sprintf(body, "%.*s,\"%s\":{}}", (int)strlen(GOOD) - 1, GOOD, fields[i]);
        fenced(body, length, expect_named, (void *)(uintptr_t)fields[i]);
    }
    static const char inner[] = "{\"a\":1,\"b\":{\"c\":1,\"c\":1}}";
    expect_value_named("payloadJson", inner, strlen(inner), "payloadJson");
    static const char escaped[] = "{\"a\":1,\"\\u0061\":2}";
    expect_value_named("payloadJson", escaped, strlen(escaped), "payloadJson");
}

static const char *const strings[] = {"channel", "to",        "templateCode", "subject",
                                      "id",      "expiresAt", "priority"};

#define STRINGS (sizeof strings / sizeof *strings)

Test(message_request, nul_is_refused_wherever_it_stands)
{
#define ROW(literal)                   \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }
    static const struct {
        const char *value;
        size_t length;
    } words[] = {ROW("\"a\0b\""), ROW("\"a\\u0000b\""), ROW("\"\\u0000\""), ROW("\"\0\""), ROW("\"a\0")},
      payloads[] = {
          ROW("{\"a\":\"\0\"}"),
          ROW("{\"a\":\"x\\u0000\"}"),
          ROW("{\"a\":[1,{\"b\":[\"\\u0000\"]}]}"),
          ROW("{\"a\0\":1}"),
          ROW("{\"a\\u0000\":1}"),
          ROW("{\"a\":{\"\\u0000\":1}}"),
          ROW("{\"a\":1\0}"),
          ROW("{\0}"),
      };
    for (size_t i = 0; i < STRINGS; i++) {
        for (size_t j = 0; j < sizeof words / sizeof *words; j++) {
            expect_value_named(strings[i], words[j].value, words[j].length, strings[i]);
        }
    }
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        expect_value_named("payloadJson", payloads[i].value, payloads[i].length, "payloadJson");
    }
    expect_value_named("dossierId", "1\0", 2, "dossierId");
    fenced("\0", 1, expect_named, "body");
    fenced("{}\0", 3, expect_named, "body");
    fenced("{\"a\0\":1}", 8, expect_named, "body");
    fenced("{\"to\0\":1}", 9, expect_named, "body");
}

Test(message_request, broken_utf8_is_refused_wherever_it_stands)
{
    static const char *const broken[] = {
        "\x80",
        "\xff",
        "\xc3",
        "\xc0\xaf",
        "\xe2\x82",
        "\xed\xa0\x80",
        "\xf8\x88\x80\x80\x80",
        "\xf4\x90\x80\x80",
        "\xe0\x80\xaf",
        "\\ud800",
        "\\udc00\\ud800",
        "\\ud800x",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char value[100];
        for (size_t j = 0; j < STRINGS; j++) {
            const int length = sprintf(value, "\"a%sb\"", broken[i]);
            expect_value_named(strings[j], value, (size_t)length, strings[j]);
        }
        int length = sprintf(value, "{\"a\":\"%s\"}", broken[i]);
        expect_value_named("payloadJson", value, (size_t)length, "payloadJson");
        length = sprintf(value, "{\"%s\":1}", broken[i]);
        expect_value_named("payloadJson", value, (size_t)length, "payloadJson");
        /* A name that cannot be told. */
        if (*broken[i] != '\\') {
            expect_value_named(broken[i], "1", 1, "body");
        }
    }
}

/* {"payloadJson":{"a":[[…]]}} with so many levels, the body's own included. */
static const struct buffer *nested(size_t depth)
{
    char payload[200] = "{\"a\":";
    const size_t lists = depth - 2;
    size_t length = strlen(payload);
    memset(payload + length, '[', lists);
    memset(payload + length + lists, ']', lists);
    length += 2 * lists;
    payload[length++] = '}';
    return body_with("payloadJson", payload, length);
}

Test(message_request, depth_has_a_limit)
{
    const struct buffer *body = nested(32);
    fenced(body->bytes, body->length, expect_good, NULL);
    body = nested(33);
    fenced(body->bytes, body->length, expect_named, "payloadJson");
    expect_value_named("x", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 40, "x");

    static char deep[60000];
    memset(deep, '[', sizeof deep);
    fenced(deep, sizeof deep, expect_named, "body");
    /* Brackets in strings are text. */
    expect_value_good("payloadJson", "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}");
}

Test(message_request, what_is_no_object_is_the_bodys_fault)
{
    static const char *const bodies[] = {
        "",
        " ",
        "\r\n",
        "null",
        "true",
        "1",
        "\"x\"",
        "[]",
        "[1]",
        "[{}]",
        "[" GOOD "]",
        "x",
        "{",
        "}",
        "{}}",
        "{} {}",
        GOOD "x",
        GOOD GOOD,
        "\xef\xbb\xbf" GOOD,
        "{'dossierId':1}",
        "{dossierId:1}",
        "// c\n" GOOD,
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        fenced(bodies[i], strlen(bodies[i]), expect_named, "body");
    }
}

Test(message_request, broken_json_names_the_member_that_breaks)
{
    static const struct {
        const char *body;
        const char *field;
    } rows[] = {
        {"{\"dossierId\":1,\"channel\":EMAIL}", "channel"},
        {"{\"dossierId\":1,\"to\":\"a\nb\"}", "to"},
        {"{\"dossierId\":1,\"to\":\"a\\xb\"}", "to"},
        {"{\"dossierId\":1,\"payloadJson\":{\"a\":[1,]}}", "payloadJson"},
        {"{\"dossierId\":1,\"payloadJson\":{\"a\":NaN}}", "payloadJson"},
        {"{\"dossierId\":0x1}", "dossierId"},
        {"{\"dossierId\":1,\"subject\":\"unfinished", "subject"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fenced(rows[i].body, strlen(rows[i].body), expect_named, (void *)(uintptr_t)rows[i].field);
    }
}

static void expect_refused(const char *body, size_t length, void *arg)
{
    (void)arg;
    struct parsed parsed;
    parse(&parsed, body, length);
    cr_expect(gt(sz, parsed.violations.count, 0), "%.*s", (int)length, body);
    parsed_release(&parsed);
}

Test(message_request, every_truncation_is_refused)
{
    for (size_t length = 0; length < strlen(GOOD); length++) {
        fenced(GOOD, length, expect_refused, NULL);
    }
}

Test(message_request, an_escaped_name_of_the_payload_is_refused)
{
    static const char body[] = "{\"dossierId\":1,\"payload\\u004ason\":{\"a\":1}}";
    fenced(body, strlen(body), expect_named, "payloadJson");
}

#define WITH_ID "\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\""

static void hash(const char *body, unsigned char ret_hash[REQUEST_HASH_SIZE])
{
    struct parsed parsed;
    parse(&parsed, body, strlen(body));
    cr_assert(eq(sz, parsed.violations.count, 0), "%s", body);
    cr_assert(parsed.message.has_request_hash, "%s", body);
    memcpy(ret_hash, parsed.message.request_hash, REQUEST_HASH_SIZE);
    parsed_release(&parsed);
}

Test(message_request, hash_knows_a_repetition)
{
    static const char *const same[] = {
        "{" WITH_ID
        ",\"dossierId\":1,\"subject\":\"A\",\"payloadJson\":{\"a\":1,\"b\":[1,{\"c\":2,\"d\":3}]}}",
        "{\"payloadJson\":{\"b\":[1,{\"d\":3,\"c\":2}],\"a\":1},\"subject\":\"A\",\"dossierId\":1," WITH_ID
        "}",
        " { " WITH_ID " ,\n\"dossierId\" : 1,\t\"subject\":\"A\", \"payloadJson\":{ \"a\":1, \"b\" : [ "
        "1,{\"c\":2,\"d\":3}]}}\r\n",
        "{" WITH_ID ",\"dossierId\":1,\"subject\":\"\\u0041\",\"payloadJson\":{\"\\u0061\":1,\"b\":[1,{\"c\":"
        "2,\"d\":3}]}}",
    };
    static const char *const others[] = {
        "{" WITH_ID
        ",\"dossierId\":2,\"subject\":\"A\",\"payloadJson\":{\"a\":1,\"b\":[1,{\"c\":2,\"d\":3}]}}",
        "{" WITH_ID
        ",\"dossierId\":1,\"subject\":\"a\",\"payloadJson\":{\"a\":1,\"b\":[1,{\"c\":2,\"d\":3}]}}",
        "{" WITH_ID
        ",\"dossierId\":1,\"subject\":\"A \",\"payloadJson\":{\"a\":1,\"b\":[1,{\"c\":2,\"d\":3}]}}",
        "{" WITH_ID
        ",\"dossierId\":1,\"subject\":\"A\",\"payloadJson\":{\"a\":\"1\",\"b\":[1,{\"c\":2,\"d\":3}]}}",
        "{" WITH_ID
        ",\"dossierId\":1,\"subject\":\"A\",\"payloadJson\":{\"a\":1.5,\"b\":[1,{\"c\":2,\"d\":3}]}}",
        "{" WITH_ID
        ",\"dossierId\":1,\"subject\":\"A\",\"payloadJson\":{\"a\":1,\"b\":[{\"c\":2,\"d\":3},1]}}",
        "{" WITH_ID
        ",\"dossierId\":1,\"subject\":\"A\",\"payloadJson\":{\"a\":1,\"b\":[1,{\"c\":3,\"d\":2}]}}",
        "{" WITH_ID ",\"dossierId\":1,\"subject\":\"A\",\"payloadJson\":{\"a\":1}}",
        "{" WITH_ID ",\"dossierId\":1,\"subject\":\"A\",\"priority\":\"urgent\","
        "\"payloadJson\":{\"a\":1,\"b\":[1,{\"c\":2,\"d\":3}]}}",
    };
    unsigned char wanted[REQUEST_HASH_SIZE];
    unsigned char seen[sizeof others / sizeof *others][REQUEST_HASH_SIZE];
    hash(same[0], wanted);
    for (size_t i = 1; i < sizeof same / sizeof *same; i++) {
        unsigned char got[REQUEST_HASH_SIZE];
        hash(same[i], got);
        cr_expect(eq(mem, MEM(got, sizeof got), MEM(wanted, sizeof wanted)), "%s", same[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        hash(others[i], seen[i]);
        cr_expect(ne(mem, MEM(seen[i], sizeof seen[i]), MEM(wanted, sizeof wanted)), "%s", others[i]);
        for (size_t j = 0; j < i; j++) {
            cr_expect(ne(mem, MEM(seen[i], sizeof seen[i]), MEM(seen[j], sizeof seen[j])), "%s", others[i]);
        }
    }
}

Test(message_request, hash_is_made_for_a_key_too)
{
    struct parsed parsed = {.message = {.idempotency_key = text_of("key")}};
    parsed.violations.arena = &parsed.arena;
    message_request_parse(GOOD, strlen(GOOD), &parsed.arena, &parsed.message, &parsed.violations);
    static const unsigned char zeros[REQUEST_HASH_SIZE];
    cr_expect(parsed.message.has_request_hash);
    cr_expect(ne(mem, MEM(parsed.message.request_hash, sizeof zeros), MEM(zeros, sizeof zeros)));
    parsed_release(&parsed);
}
