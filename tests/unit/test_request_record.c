/* Requests by any version of their schema: what fits, what does not, and what must not get through. */
#include "schemas/request_record.h"

#include <avro.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "schemas/avro_schemas.h"
#include "schemas/avro_write.h"
#include "support/fence.h"
#include "support/leaks.h"
#include "support/says.h"
#include "tests/fuzz/writers.h"

TestSuite(request_record, .fini = no_leaks);

#define MEM(pointer, length) ((struct cr_mem){.data = (pointer), .size = (length)})
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define WRITER(fields) "{\"type\":\"record\",\"name\":\"MessageRequest\",\"fields\":[" fields "]}"
#define NULLABLE "[\"null\",\"string\"]"
#define TEXT "\"string\""

/* What every writer has to have. */
#define REQUIRED_BUT_DOSSIER                                                   \
    FIELD("source", TEXT)                                                      \
    "," FIELD("channel", TEXT) "," FIELD("to", TEXT) "," FIELD("templateCode", \
                                                               TEXT) "," FIELD("payloadJson", TEXT)
#define DOSSIER FIELD("dossierId", "\"long\"")
#define REQUIRED REQUIRED_BUT_DOSSIER "," DOSSIER

struct read {
    struct arena arena;
    struct new_message message;
    struct violations violations;
    bool sound;
    enum error_code code;
    struct buffer datum;
};

static void read_init(struct read *read)
{
    *read = (struct read){.message = {.channel = CHANNEL_COUNT, .priority = text_of(PRIORITY_NORMAL)}};
    read->violations.arena = &read->arena;
    buffer_init(&read->datum, 1 << 24);
}

static void read_release(struct read *read)
{
    arena_release(&read->arena);
    buffer_release(&read->datum);
}

static void put(struct read *read, const char *text)
{
    avro_put_string(&read->datum, text_of(text));
}

/* REQUIRED_BUT_DOSSIER */
static void put_required_but_dossier(struct read *read)
{
    put(read, "shop");
    put(read, "SMS");
    put(read, "+420601123456");
    put(read, "WELCOME");
    put(read, "{\"a\":1}");
}

static struct request_reader *reader_of(const char *schema)
{
    struct error error;
    struct request_reader *reader = request_reader_new(schema, strlen(schema), &error);
    cr_assert(ne(ptr, reader, NULL), "%s", error.text);
    return reader;
}

static void read_with(struct request_reader *reader, struct read *read)
{
    read->sound = request_reader_read(reader, read->datum.bytes, read->datum.length, &read->arena,
                                      &read->message, &read->violations, &read->code);
}

static void read_by(const char *schema, struct read *read)
{
    struct request_reader *reader = reader_of(schema);
    read_with(reader, read);
    request_reader_free(reader);
}

static void expect_required(struct read *read, int64_t dossier_id)
{
    cr_expect(read->sound);
    cr_expect(eq(sz, read->violations.count, 0), "%s %s", read->violations.items[0].field,
              read->violations.items[0].detail);
    cr_expect(text_is(read->message.source, "shop"));
    cr_expect(text_is(read->message.channel_name, "SMS"));
    cr_expect(text_is(read->message.to, "+420601123456"));
    cr_expect(text_is(read->message.template_code, "WELCOME"));
    cr_expect(text_is(read->message.payload, "{\"a\":1}"));
    cr_expect(eq(i64, read->message.dossier_id, dossier_id));
    cr_expect(text_is(read->message.priority, "normal"));
}

static void expect_one(struct read *read, const char *field, const char *says)
{
    cr_assert(eq(sz, read->violations.count, 1), "%s %s", field, says);
    cr_expect(eq(str, read->violations.items[0].field, field));
    EXPECT_SAYS(read->violations.items[0].detail, says);
}

/* Written by avro-c from the published schema, field by field. */
static void set_string(avro_value_t *record, const char *field, const char *text)
{
    avro_value_t value;
    avro_value_t branch;
    cr_assert(eq(int, avro_value_get_by_name(record, field, &value, NULL), 0), "%s", field);
    if (avro_value_get_type(&value) == AVRO_UNION) {
        cr_assert(eq(int, avro_value_set_branch(&value, text ? 1 : 0, &branch), 0));
        cr_assert(eq(int, text ? avro_value_set_string(&branch, text) : avro_value_set_null(&branch), 0));
    } else {
        cr_assert(eq(int, avro_value_set_string(&value, text), 0), "%s", field);
    }
}

static void write_by_avro(struct buffer *into, const char *optional, int64_t expires_at_ms)
{
    const char *text = avro_schema_text(SCHEMA_MESSAGE_REQUEST);
    avro_schema_t schema;
    avro_value_t record;
    avro_value_t value;
    avro_value_t branch;
    char bytes[1000];
    cr_assert(eq(int, avro_schema_from_json_length(text, strlen(text), &schema), 0));
    avro_value_iface_t *type = avro_generic_class_from_schema(schema);
    cr_assert(eq(int, avro_generic_value_new(type, &record), 0));
    set_string(&record, "requestId", optional);
    set_string(&record, "source", "shop");
    set_string(&record, "orgId", optional);
    cr_assert(eq(int, avro_value_get_by_name(&record, "dossierId", &value, NULL), 0));
    cr_assert(eq(int, avro_value_set_long(&value, INT64_C(-9007199254740993)), 0));
    set_string(&record, "channel", "EMAIL");
    set_string(&record, "to", "a@example.org");
    set_string(&record, "templateCode", "T");
    set_string(&record, "subject", optional);
    set_string(&record, "payloadJson", "{}");
    set_string(&record, "priority", optional);
    cr_assert(eq(int, avro_value_get_by_name(&record, "expiresAt", &value, NULL), 0));
    cr_assert(eq(int, avro_value_set_branch(&value, expires_at_ms != 0, &branch), 0));
    cr_assert(eq(
        int, expires_at_ms ? avro_value_set_long(&branch, expires_at_ms) : avro_value_set_null(&branch), 0));
    set_string(&record, "correlationId", optional);
    avro_writer_t writer = avro_writer_memory(bytes, sizeof bytes);
    cr_assert(eq(int, avro_value_write(writer, &record), 0), "%s", avro_strerror());
    buffer_append(into, bytes, (size_t)avro_writer_tell(writer));
    avro_writer_free(writer);
    avro_value_decref(&record);
    avro_value_iface_decref(type);
    avro_schema_decref(schema);
}

Test(request_record, what_avro_writes_with_our_schema_is_read)
{
    struct read read;
    read_init(&read);
    write_by_avro(&read.datum, "Zürich", INT64_C(1769903999123));
    read_by(avro_schema_text(SCHEMA_MESSAGE_REQUEST), &read);
    cr_expect(read.sound);
    cr_expect(eq(sz, read.violations.count, 0));
    const struct new_message *message = &read.message;
    cr_expect(text_is(message->source, "shop"));
    cr_expect(eq(i64, message->dossier_id, INT64_C(-9007199254740993)));
    cr_expect(text_is(message->channel_name, "EMAIL"));
    cr_expect(text_is(message->to, "a@example.org"));
    cr_expect(text_is(message->template_code, "T"));
    cr_expect(text_is(message->payload, "{}"));
    cr_expect(eq(i64, message->expires_at_us, INT64_C(1769903999123000)));
    const struct text optional[] = {message->idempotency_key, message->org_id, message->subject,
                                    message->priority, message->correlation_id};
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
        cr_expect(text_is(optional[i], "Zürich"), "optional %zu", i);
    }
    read_release(&read);
}

Test(request_record, null_is_absent_and_leaves_what_the_message_has)
{
    struct read read;
    read_init(&read);
    read.message.org_id = text_of("default");
    write_by_avro(&read.datum, NULL, 0);
    read_by(avro_schema_text(SCHEMA_MESSAGE_REQUEST), &read);
    cr_expect(read.sound);
    cr_expect(eq(sz, read.violations.count, 0));
    cr_expect(text_is(read.message.org_id, "default"));
    cr_expect(text_is(read.message.priority, "normal"));
    cr_expect(eq(ptr, (void *)read.message.idempotency_key.bytes, NULL));
    cr_expect(eq(ptr, (void *)read.message.subject.bytes, NULL));
    cr_expect(eq(ptr, (void *)read.message.correlation_id.bytes, NULL));
    cr_expect(eq(i64, read.message.expires_at_us, 0));
    read_release(&read);
}

/* A writer that is older than we are: it has no optional field yet, and its dossierId was not yet a long. */
Test(request_record, older_writer_may_lack_what_has_a_default_and_be_narrower)
{
    struct read read;
    read_init(&read);
    put_required_but_dossier(&read);
    avro_put_long(&read.datum, 42);
    read_by(WRITER(REQUIRED_BUT_DOSSIER "," FIELD("dossierId", "\"int\"")), &read);
    expect_required(&read, 42);
    read_release(&read);
}

/* A newer one: fields we do not know, of every type, before, between and behind ours, and ours in other
 * order. */
Test(request_record, newer_writer_may_add_whatever_avro_has)
{
    struct read read;
    read_init(&read);
    buffer_append(&read.datum, "\1\2\3\4", 4); /* trace */
    put(&read, "{\"a\":1}");
    avro_put_long(&read.datum, 42);
    avro_put_long(&read.datum, 0); /* source: string */
    put(&read, "shop");
    avro_put_long(&read.datum, -2); /* tags: a block with its size */
    avro_put_long(&read.datum, 4);
    put(&read, "a");
    put(&read, "b");
    avro_put_long(&read.datum, 0);
    avro_put_long(&read.datum, 1); /* voids */
    avro_put_long(&read.datum, 0);
    avro_put_long(&read.datum, 2); /* extra */
    put(&read, "k");
    avro_put_long(&read.datum, 1);
    buffer_append(&read.datum, "\0\0\0\0\0\0\xf0\x3f", 8);
    put(&read, "l");
    avro_put_long(&read.datum, 2);
    buffer_append(&read.datum, "\1", 1);
    avro_put_long(&read.datum, 0);
    avro_put_long(&read.datum, 0); /* list: A, B */
    avro_put_long(&read.datum, 1);
    avro_put_long(&read.datum, 1);
    avro_put_long(&read.datum, 0);
    buffer_append(&read.datum, "\0\0\x80\x3f", 4); /* weight */
    put(&read, "+420601123456");
    put(&read, "WELCOME");
    put(&read, "SMS");
    avro_put_long(&read.datum, 0); /* expiresAt: int */
    avro_put_long(&read.datum, 5);
    read_by(rich_writer, &read);
    expect_required(&read, 42);
    cr_expect(eq(i64, read.message.expires_at_us, 5000));
    read_release(&read);
}

Test(request_record, reader_serves_record_after_record)
{
    struct request_reader *reader = reader_of(WRITER(REQUIRED "," FIELD("subject", NULLABLE)));
    for (int i = 0; i < 3; i++) {
        struct read read;
        read_init(&read);
        put_required_but_dossier(&read);
        avro_put_long(&read.datum, i);
        avro_put_nullable_string(&read.datum, i == 1 ? text_of("Hello") : (struct text){NULL, 0});
        read_with(reader, &read);
        expect_required(&read, i);
        cr_expect(eq(int, read.message.subject.bytes != NULL, i == 1));
        read_release(&read);
    }
    request_reader_free(reader);
}

Test(request_record, schema_that_does_not_fit_is_refused_by_the_name_of_its_field)
{
    static const struct {
        const char *schema;
        const char *says;
    } rows[] = {
        {WRITER(REQUIRED_BUT_DOSSIER), "field dossierId"},
        {WRITER(REQUIRED_BUT_DOSSIER "," FIELD("dossierId", TEXT)), "field dossierId: its type string"},
        {WRITER(REQUIRED_BUT_DOSSIER "," FIELD("dossierId", "\"double\"")),
         "field dossierId: its type double"},
        {WRITER(REQUIRED_BUT_DOSSIER "," FIELD("dossierId", "\"null\"")), "field dossierId"},
        {WRITER(REQUIRED_BUT_DOSSIER "," FIELD("dossierId", "[\"null\",\"float\"]")), "field dossierId"},
        {WRITER(REQUIRED "," FIELD("subject", "\"long\"")), "field subject"},
        {WRITER(REQUIRED "," FIELD("subject", "{\"type\":\"array\",\"items\":\"string\"}")), "field subject"},
        {WRITER(REQUIRED
                "," FIELD("priority", "{\"type\":\"enum\",\"name\":\"P\",\"symbols\":[\"normal\"]}")),
         "field priority"},
        {WRITER(REQUIRED "," FIELD("expiresAt", TEXT)), "field expiresAt"},
        {WRITER(REQUIRED "," FIELD("expiresAt", "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}")),
         "timestamp-micros"},
        {WRITER(REQUIRED "," FIELD("expiresAt",
                                   "[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}]")),
         "timestamp-micros"},
        {WRITER(REQUIRED "," DOSSIER), "field dossierId: the schema has it twice"},
        {"{\"type\":\"record\",\"name\":\"Order\",\"fields\":[" REQUIRED "]}", "is Order"},
        {"\"string\"", "not valid JSON"},
        {"{\"type\":\"string\"}", "is string"},
        {"[\"null\"]", "is union"},
        {"{}", "not valid"},
        {"", "not valid JSON"},
        {"{\"type\":\"record\",\"name\":\"MessageRequest\"}", "fields"},
        {WRITER("{\"name\":1,\"type\":\"string\"}"), "not valid"},
        {WRITER(FIELD("to", "\"Unheard\"")), "Unheard"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {""};
        cr_expect(eq(ptr, request_reader_new(rows[i].schema, strlen(rows[i].schema), &error), NULL),
                  "row %zu", i);
        EXPECT_SAYS(error.text, rows[i].says);
    }
}

Test(request_record, schema_that_is_too_large_or_too_deep_is_refused_before_avro_sees_it)
{
    struct buffer schema;
    struct error error;
    buffer_init(&schema, 1 << 20);
    for (int i = 0; i < 20000; i++) {
        buffer_text(&schema, "[");
    }
    cr_expect(eq(ptr, request_reader_new(schema.bytes, schema.length, &error), NULL));
    EXPECT_SAYS(error.text, "deeper than 64");
    for (int i = 0; i < 50000; i++) {
        buffer_text(&schema, "[");
    }
    cr_expect(eq(ptr, request_reader_new(schema.bytes, schema.length, &error), NULL));
    EXPECT_SAYS(error.text, "more than 65536 bytes");
    buffer_release(&schema);
}

/* Another branch of a union, and null where something has to be: the record's fault, not the schema's. */
Test(request_record, branch_that_does_not_fit_is_a_violation)
{
    static const char schema[] =
        WRITER(REQUIRED_BUT_DOSSIER "," FIELD("dossierId", "[\"null\",\"long\",\"string\"]"));
    static const char *const says[] = {"is required", NULL, "is a value of type string"};
    for (int branch = 0; branch < 3; branch++) {
        struct read read;
        read_init(&read);
        put_required_but_dossier(&read);
        avro_put_long(&read.datum, branch);
        if (branch == 1) {
            avro_put_long(&read.datum, 7);
        } else if (branch == 2) {
            put(&read, "7");
        }
        read_by(schema, &read);
        cr_expect(read.sound);
        if (says[branch]) {
            expect_one(&read, "dossierId", says[branch]);
        } else {
            expect_required(&read, 7);
        }
        read_release(&read);
    }
}

Test(request_record, bytes_stand_for_a_string_when_they_are_one)
{
    static const char schema[] = WRITER(REQUIRED "," FIELD("subject", "\"bytes\""));
    static const struct {
        const char *subject;
        bool good;
    } rows[] = {{"Zürich", true}, {"Z\xfcrich", false}};
    for (size_t i = 0; i < 2; i++) {
        struct read read;
        read_init(&read);
        put_required_but_dossier(&read);
        avro_put_long(&read.datum, 1);
        put(&read, rows[i].subject);
        read_by(schema, &read);
        cr_expect(read.sound);
        if (rows[i].good) {
            expect_required(&read, 1);
            cr_expect(text_is(read.message.subject, rows[i].subject));
        } else {
            expect_one(&read, "subject", "UTF-8");
        }
        read_release(&read);
    }
}

Test(request_record, time_is_in_range_or_refused)
{
    static const struct {
        int64_t ms;
        int64_t us;
        const char *says;
    } rows[] = {{1, 1000, NULL},
                {INT64_MAX / 1000, INT64_MAX / 1000 * 1000, NULL},
                {INT64_MAX / 1000 + 1, 0, "out of range"},
                {INT64_MAX, 0, "out of range"},
                {0, 0, "above 0"},
                {-1, 0, "above 0"},
                {INT64_MIN, 0, "above 0"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct read read;
        read_init(&read);
        put_required_but_dossier(&read);
        avro_put_long(&read.datum, 1);
        avro_put_long(&read.datum, rows[i].ms);
        read_by(WRITER(REQUIRED "," FIELD("expiresAt", "\"long\"")), &read);
        cr_expect(eq(i64, read.message.expires_at_us, rows[i].us));
        if (rows[i].says) {
            expect_one(&read, "expiresAt", rows[i].says);
        } else {
            expect_required(&read, 1);
        }
        read_release(&read);
    }
}

Test(request_record, payload_keeps_the_rules_of_http)
{
    static const struct {
        const char *payload;
        const char *says;
    } rows[] = {{"[]", "must be an object"},
                {"", "is empty"},
                {"{\"a\":1,\"a\":2}", "duplicate"},
                {"{\"a\":\"\\u0000\"}", "NUL"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct read read;
        read_init(&read);
        put(&read, rows[i].payload);
        put(&read, "shop");
        put(&read, "SMS");
        put(&read, "+420601123456");
        put(&read, "T");
        avro_put_long(&read.datum, 1);
        read_by(WRITER(FIELD("payloadJson", TEXT) "," FIELD("source", TEXT) "," FIELD(
                    "channel", TEXT) "," FIELD("to", TEXT) "," FIELD("templateCode", TEXT) "," DOSSIER),
                &read);
        cr_expect(read.sound);
        expect_one(&read, "payloadJson", rows[i].says);
        read_release(&read);
    }
}

/* Every prefix of a good datum, and what was put behind it. */
static void expect_malformed(const char *bytes, size_t length, void *arg)
{
    struct read read;
    read_init(&read);
    cr_expect(not(request_reader_read(arg, bytes, length, &read.arena, &read.message, &read.violations,
                                      &read.code)),
              "%zu bytes", length);
    cr_expect(eq(int, read.code, ERROR_MALFORMED_RECORD));
    cr_expect(eq(sz, read.violations.count, 1));
    read_release(&read);
}

Test(request_record, datum_that_is_cut_short_or_too_long_is_malformed)
{
    struct request_reader *reader = reader_of(avro_schema_text(SCHEMA_MESSAGE_REQUEST));
    struct buffer datum;
    buffer_init(&datum, 10000);
    write_by_avro(&datum, "x", 1);
    for (size_t length = 0; length < datum.length; length++) {
        fenced(datum.bytes, length, expect_malformed, reader);
    }
    buffer_append(&datum, "", 1);
    fenced(datum.bytes, datum.length, expect_malformed, reader);
    expect_malformed(NULL, 0, reader); /* a tombstone */
    buffer_release(&datum);
    request_reader_free(reader);
}

Test(request_record, malformed_field_is_named)
{
    static const struct {
        const char *to;
        size_t length;
        const char *says;
    } rows[] = {{"\x80\x84\xaf\x5f+42", 7, "ends before"},
                {"\x06"
                 "a\0b",
                 4, "NUL"},
                {"\x06"
                 "a\xe9"
                 "b",
                 4, "UTF-8"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct read read;
        read_init(&read);
        put(&read, "shop");
        put(&read, "SMS");
        buffer_append(&read.datum, rows[i].to, rows[i].length);
        read_by(WRITER(REQUIRED), &read);
        cr_expect(not(read.sound));
        expect_one(&read, "to", rows[i].says);
        read_release(&read);
    }
}

static void hash_of(const char *change, char ret_hash[REQUEST_HASH_SIZE])
{
    static const char *const names[] = {"requestId", "correlationId", "source",  "orgId",   "channel",
                                        "to",        "templateCode",  "subject", "priority"};
    struct buffer schema;
    struct read read;
    read_init(&read);
    buffer_init(&schema, 10000);
    buffer_text(&schema, "{\"type\":\"record\",\"name\":\"MessageRequest\",\"fields\":[");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        buffer_format(&schema, FIELD("%s", TEXT) ",", names[i]);
        put(&read, strcmp(change, names[i]) == 0 ? "other" : "same");
    }
    buffer_text(&schema, FIELD("payloadJson", TEXT) "," FIELD("expiresAt", "\"long\"") "," DOSSIER "]}");
    put(&read, strcmp(change, "payloadJson") == 0 ? "{\"a\":1}" : "{}");
    avro_put_long(&read.datum, strcmp(change, "expiresAt") == 0 ? 1 : 2);
    avro_put_long(&read.datum, strcmp(change, "dossierId") == 0 ? 1 : 2);
    read_by(schema.bytes, &read);
    cr_expect(read.sound);
    cr_expect(read.message.has_request_hash);
    memcpy(ret_hash, read.message.request_hash, REQUEST_HASH_SIZE);
    buffer_release(&schema);
    read_release(&read);
}

Test(request_record, hash_is_over_all_that_makes_the_message)
{
    static const char *const counted[] = {"source",  "orgId",    "channel",     "to",        "templateCode",
                                          "subject", "priority", "payloadJson", "expiresAt", "dossierId"};
    static const char *const not_counted[] = {"", "requestId", "correlationId"};
    char wanted[REQUEST_HASH_SIZE];
    char got[REQUEST_HASH_SIZE];
    hash_of("", wanted);
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        hash_of(counted[i], got);
        cr_expect(ne(mem, MEM(got, sizeof got), MEM(wanted, sizeof wanted)), "%s", counted[i]);
    }
    for (size_t i = 0; i < sizeof not_counted / sizeof *not_counted; i++) {
        hash_of(not_counted[i], got);
        cr_expect(eq(mem, MEM(got, sizeof got), MEM(wanted, sizeof wanted)), "%s", not_counted[i]);
    }
}

/* "ab" + "c" and "a" + "bc" are two requests. */
Test(request_record, hash_knows_where_one_text_ends)
{
    static const char *const pairs[][2] = {{"ab", "c"}, {"a", "bc"}};
    char hashes[2][REQUEST_HASH_SIZE];
    for (int i = 0; i < 2; i++) {
        struct read read;
        read_init(&read);
        put(&read, "shop");
        put(&read, "SMS");
        put(&read, pairs[i][0]); /* to */
        put(&read, pairs[i][1]); /* templateCode, which is next to it */
        put(&read, "{}");
        avro_put_long(&read.datum, 1);
        read_by(WRITER(REQUIRED), &read);
        memcpy(hashes[i], read.message.request_hash, REQUEST_HASH_SIZE);
        read_release(&read);
    }
    cr_expect(ne(mem, MEM(hashes[0], REQUEST_HASH_SIZE), MEM(hashes[1], REQUEST_HASH_SIZE)));
}
