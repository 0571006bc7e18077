#include "schemas/request_record.h"

#include <avro.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/json_text.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "schemas/avro_bounds.h"
#include "schemas/avro_write.h"
#include "schemas/payload.h"

#define FIELDS_MAX 1024 /* of a writer */
#define NOT_OURS (-1)

enum kind { TEXT, NUMBER, TIME_MS };

/* The fields of MessageRequest.avsc, and where they go. */
static const struct field {
    const char *name;
    enum kind kind;
    bool required;
    bool hashed; /* tells two requests apart */
    size_t offset;
} fields[] = {
    {"requestId", TEXT, false, false, offsetof(struct new_message, idempotency_key)},
    {"source", TEXT, true, true, offsetof(struct new_message, source)},
    {"orgId", TEXT, false, true, offsetof(struct new_message, org_id)},
    {"dossierId", NUMBER, true, true, offsetof(struct new_message, dossier_id)},
    {"channel", TEXT, true, true, offsetof(struct new_message, channel_name)},
    {"to", TEXT, true, true, offsetof(struct new_message, to)},
    {"templateCode", TEXT, true, true, offsetof(struct new_message, template_code)},
    {"subject", TEXT, false, true, offsetof(struct new_message, subject)},
    {"payloadJson", TEXT, true, true, offsetof(struct new_message, payload)},
    {"priority", TEXT, false, true, offsetof(struct new_message, priority)},
    {"expiresAt", TIME_MS, false, true, offsetof(struct new_message, expires_at_us)},
    {"correlationId", TEXT, false, false, offsetof(struct new_message, correlation_id)},
};

struct request_reader {
    avro_schema_t writer;
    struct buffer hashed; /* kept from record to record */
    size_t count;
    struct writer_field {
        avro_schema_t schema;
        const char *name;
        int ours; /* index into fields, or NOT_OURS */
    } fields[];
};

static int field_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return (int)i;
        }
    }
    return NOT_OURS;
}

/* Whether a value of that type can become ours: the promotions of Avro's specification. */
static bool type_fits(avro_schema_t type, const struct field *field)
{
    switch (avro_typeof(type)) {
    case AVRO_STRING:
    case AVRO_BYTES:
        return field->kind == TEXT;
    case AVRO_INT32:
    case AVRO_INT64:
        return field->kind != TEXT;
    case AVRO_NULL:
        return !field->required;
    case AVRO_UNION:
        for (size_t i = 0; i < avro_schema_union_size(type); i++) {
            if (type_fits(avro_schema_union_branch(type, (int)i), field)) {
                return true; /* another branch is refused when a record has it */
            }
        }
        return false;
    default:
        return false;
    }
}

/* A logicalType of the field's type or of a branch of it. */
static const char *logical_type(const json_t *type)
{
    if (json_is_array(type)) {
        const char *found = NULL;
        for (size_t i = 0; i < json_array_size(type) && !found; i++) {
            found = logical_type(json_array_get(type, i));
        }
        return found;
    }
    return json_string_value(json_object_get(type, "logicalType"));
}

/* avro-c does not keep logical types, and a time in another unit would be read as quite another time. */
static bool check_units(const json_t *writer, struct error *error)
{
    size_t i;
    const json_t *each;
    json_array_foreach (json_object_get(writer, "fields"), i, each) {
        const char *name = json_string_value(json_object_get(each, "name"));
        const int ours = name ? field_named(name) : NOT_OURS;
        const char *logical = logical_type(json_object_get(each, "type"));
        if (ours != NOT_OURS && fields[ours].kind == TIME_MS && logical &&
            strcmp(logical, "timestamp-millis") != 0) {
            return error_set(error, "field %s: its logicalType is %.64s; it must be timestamp-millis", name,
                             logical);
        }
    }
    return true;
}

/* avro-c recurses through a schema when it reads it: what is too large or too deep does not get there. */
static bool check_bounds(const char *text, size_t length, struct error *error)
{
    size_t position;
    if (length > WRITER_SCHEMA_MAX) {
        return error_set(error, "the schema has more than %zu bytes", WRITER_SCHEMA_MAX);
    }
    if (json_text_deeper_than(text, length, WRITER_SCHEMA_DEPTH_MAX, &position)) {
        return error_set(error, "the schema is nested deeper than %d levels", WRITER_SCHEMA_DEPTH_MAX);
    }
    json_error_t problem;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    if (!root) {
        return error_set(error, "the schema is not valid JSON: line %d, column %d", problem.line,
                         problem.column);
    }
    const bool units = check_units(root, error);
    json_decref(root);
    return units;
}

static bool match_field(struct request_reader *reader, size_t index, bool found[], struct error *error)
{
    struct writer_field *field = &reader->fields[index];
    field->name = avro_schema_record_field_name(reader->writer, (int)index);
    field->schema = avro_schema_record_field_get_by_index(reader->writer, (int)index);
    field->ours = field_named(field->name);
    if (field->ours == NOT_OURS) {
        return true;
    }
    if (found[field->ours]) {
        return error_set(error, "field %s: the schema has it twice", field->name);
    }
    found[field->ours] = true;
    if (!type_fits(field->schema, &fields[field->ours])) {
        return error_set(error, "field %s: its type %.64s does not fit; it must be %s", field->name,
                         avro_schema_type_name(field->schema),
                         fields[field->ours].kind == TEXT ? "string" : "long");
    }
    return true;
}

static bool match_fields(struct request_reader *reader, struct error *error)
{
    bool found[COUNT_OF(fields)] = {false};
    for (size_t i = 0; i < reader->count; i++) {
        if (!match_field(reader, i, found, error)) {
            return false;
        }
    }
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (fields[i].required && !found[i]) {
            return error_set(error, "field %s: the schema does not have it", fields[i].name);
        }
    }
    return true;
}

static bool check_record(avro_schema_t writer, struct error *error)
{
    if (!is_avro_record(writer) || strcmp(avro_schema_name(writer), "MessageRequest") != 0) {
        return error_set(error, "the schema is %.64s; it must be the record MessageRequest",
                         avro_schema_type_name(writer));
    }
    if (avro_schema_record_size(writer) > FIELDS_MAX) {
        return error_set(error, "the schema has more than %d fields", FIELDS_MAX);
    }
    return true;
}

struct request_reader *request_reader_new(const char *writer_schema_json, size_t length, struct error *error)
{
    avro_schema_t writer = NULL;
    if (!check_bounds(writer_schema_json, length, error)) {
        return NULL;
    }
    if (avro_schema_from_json_length(writer_schema_json, length, &writer) != 0) {
        (void)error_set(error, "the schema is not valid: %.200s", avro_strerror());
        return NULL;
    }
    if (!check_record(writer, error)) {
        avro_schema_decref(writer);
        return NULL;
    }
    const size_t count = avro_schema_record_size(writer);
    struct request_reader *reader = memory_new(sizeof *reader + count * sizeof reader->fields[0]);
    reader->writer = writer;
    reader->count = count;
    buffer_init(&reader->hashed, SIZE_MAX / 4);
    if (!match_fields(reader, error)) {
        request_reader_free(reader);
        return NULL;
    }
    return reader;
}

void request_reader_free(struct request_reader *reader)
{
    if (reader) {
        avro_schema_decref(reader->writer);
        buffer_release(&reader->hashed);
        free(reader);
    }
}

struct reading {
    struct arena *arena;
    struct new_message *message;
    struct violations *violations;
};

static void take_text(const struct reading *reading, const struct field *field, struct text text)
{
    struct text *into = (struct text *)(void *)((char *)reading->message + field->offset);
    *into = (struct text){arena_copy(reading->arena, text.bytes, text.length), text.length};
}

static void take_number(const struct reading *reading, const struct field *field, int64_t value)
{
    int64_t *into = (int64_t *)(void *)((char *)reading->message + field->offset);
    if (field->kind == NUMBER) {
        *into = value;
    } else if (value > INT64_MAX / 1000) {
        violation_add(reading->violations, field->name, "is out of range");
    } else if (value <= 0) {
        violation_add(reading->violations, field->name, "must be above 0"); /* which would mean never */
    } else {
        *into = value * 1000;
    }
}

/* Takes a value that avro_pass() has found sound. */
static void take_value(const struct reading *reading, const struct field *field, avro_schema_t type,
                       struct avro_cursor cursor)
{
    while (is_avro_union(type)) {
        type = avro_schema_union_branch(type, (int)avro_get_long(&cursor));
    }
    if (is_avro_null(type)) {
        if (field->required && field->kind == NUMBER) { /* of texts new_message_check() sees it */
            violation_add(reading->violations, field->name, "is required");
        }
    } else if (!type_fits(type, field)) {
        violation_add(reading->violations, field->name, "is a value of type %.64s, which does not fit",
                      avro_schema_type_name(type));
    } else if (field->kind != TEXT) {
        take_number(reading, field, avro_get_long(&cursor));
    } else {
        const struct text text = avro_get_string(&cursor, SIZE_MAX);
        if (is_avro_bytes(type) && !utf8_is_valid(text.bytes, text.length)) {
            violation_add(reading->violations, field->name, "is not valid UTF-8");
        } else {
            take_text(reading, field, text);
        }
    }
}

/* A repetition is known by its content: the fields written anew, as Avro has them, with their lengths. */
static void hash_request(struct buffer *into, struct new_message *message)
{
    buffer_clear(into);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const void *at = (const char *)message + fields[i].offset;
        if (fields[i].hashed && fields[i].kind == TEXT) {
            avro_put_nullable_string(into, *(const struct text *)at);
        } else if (fields[i].hashed) {
            avro_put_long(into, *(const int64_t *)at);
        }
    }
    digest_sha256(into->bytes, into->length, message->request_hash);
    message->has_request_hash = true;
}

bool request_reader_read(struct request_reader *reader, const void *datum, size_t length, struct arena *arena,
                         struct new_message *message, struct violations *violations,
                         enum error_code *ret_code)
{
    const struct reading reading = {arena, message, violations};
    struct avro_cursor cursor = avro_cursor_of(datum, length);
    struct avro_budget budget = avro_budget_for(length);
    for (size_t i = 0; i < reader->count; i++) {
        const struct writer_field *field = &reader->fields[i];
        const struct avro_cursor begin = cursor;
        const char *problem = avro_pass(&cursor, field->schema, &budget);
        if (problem) {
            violation_add(violations, field->name, "%s", problem);
            *ret_code = ERROR_MALFORMED_RECORD;
            return false;
        }
        if (field->ours != NOT_OURS) {
            take_value(&reading, &fields[field->ours], field->schema, begin);
        }
    }
    if (!avro_done(&cursor)) {
        violation_add(violations, "body", "has %zu bytes behind its last field", avro_left(&cursor));
        *ret_code = ERROR_MALFORMED_RECORD;
        return false;
    }
    if (message->payload.bytes) {
        payload_check(message->payload, violations);
    }
    hash_request(&reader->hashed, message);
    return true;
}
