#include "schemas/avro_types.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/memory.h"

/* Of the JSON text; each level of a schema takes two or three. */
#define DEPTH_MAX 128
#define NAMES_MAX 1000

struct avro_types {
    json_t *root;
    struct avro_type *named;
    size_t named_count;
};

static const char *const kind_names[] = {
    [AVRO_NULL_TYPE] = "null",   [AVRO_BOOLEAN_TYPE] = "boolean", [AVRO_INT_TYPE] = "int",
    [AVRO_LONG_TYPE] = "long",   [AVRO_FLOAT_TYPE] = "float",     [AVRO_DOUBLE_TYPE] = "double",
    [AVRO_BYTES_TYPE] = "bytes", [AVRO_STRING_TYPE] = "string",   [AVRO_RECORD_TYPE] = "record",
    [AVRO_ENUM_TYPE] = "enum",   [AVRO_FIXED_TYPE] = "fixed",     [AVRO_ARRAY_TYPE] = "array",
    [AVRO_MAP_TYPE] = "map",     [AVRO_UNION_TYPE] = "union",
};

const char *avro_kind_name(enum avro_kind kind)
{
    return kind_names[kind];
}

/* Whether it is a type's own word; else it is the name of a record, enum or fixed. */
static bool kind_of(const char *word, enum avro_kind *ret_kind)
{
    for (enum avro_kind kind = AVRO_NULL_TYPE; kind < AVRO_UNION_TYPE; kind++) {
        if (strcmp(word, kind_names[kind]) == 0) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}

static bool has_name(enum avro_kind kind)
{
    return kind == AVRO_RECORD_TYPE || kind == AVRO_ENUM_TYPE || kind == AVRO_FIXED_TYPE;
}

const char *avro_unqualified(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

char *avro_full_name(const char *name, const char *namespace, const char *inside)
{
    const size_t inherited = strlen(inside) - strlen(avro_unqualified(inside)); /* with its dot */
    const size_t size = strlen(name) + (namespace ? strlen(namespace) : 0) + inherited + 2;
    char *full = memory_new(size);
    if (strchr(name, '.')) {
        (void)snprintf(full, size, "%s", name);
    } else if (namespace) {
        (void)snprintf(full, size, "%s%s%s", namespace, *namespace ? "." : "", name);
    } else {
        (void)snprintf(full, size, "%.*s%s", (int)inherited, inside, name);
    }
    return full;
}

static const struct avro_type *find_name(const struct avro_types *types, const char *name, const char *inside)
{
    char *full = avro_full_name(name, NULL, inside);
    const struct avro_type *found = NULL;
    for (size_t i = 0; i < types->named_count && !found; i++) {
        found = strcmp(types->named[i].name, full) == 0 ? &types->named[i] : NULL;
    }
    free(full);
    return found;
}

static const struct avro_type *find_definition(const struct avro_types *types, const json_t *json)
{
    for (size_t i = 0; i < types->named_count; i++) {
        if (types->named[i].json == json) {
            return &types->named[i];
        }
    }
    return NULL;
}

/* False: it stands for nothing. */
static bool resolve(const struct avro_types *types, const json_t *json, const char *inside,
                    struct avro_type *ret_type)
{
    const json_t *object = NULL;
    while (json_is_object(json)) { /* {"type": {"type": "string"}} is a string, too */
        object = json;
        json = json_object_get(json, "type");
    }
    if (json_is_array(json)) {
        *ret_type = (struct avro_type){AVRO_UNION_TYPE, json, inside};
        return true;
    }
    const char *word = json_string_value(json);
    enum avro_kind kind;
    if (!word) {
        return false;
    }
    if (kind_of(word, &kind) && !has_name(kind)) {
        *ret_type = (struct avro_type){kind, object, inside};
        return object || kind < AVRO_RECORD_TYPE;
    }
    const struct avro_type *found =
        kind_of(word, &kind) ? find_definition(types, object) : find_name(types, word, inside);
    if (!found) {
        return false;
    }
    *ret_type = *found;
    return true;
}

struct avro_type avro_types_of(const struct avro_types *types, const json_t *json,
                               const struct avro_type *inside)
{
    struct avro_type type;
    if (!resolve(types, json, inside->name, &type)) {
        abort(); /* all of it was resolved while reading */
    }
    return type;
}

struct avro_type avro_types_root(const struct avro_types *types)
{
    return avro_types_of(types, types->root, &(struct avro_type){.name = ""});
}

static bool read_type(struct avro_types *types, const json_t *json, const char *inside, struct error *error);

/* Names stand before what is in them, so that a record can hold itself. */
static bool take_name(struct avro_types *types, const json_t *json, enum avro_kind kind, const char *inside,
                      struct error *error)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    if (!name || !*name) {
        return error_set(error, "a type %s has no name", avro_kind_name(kind));
    }
    if (types->named_count == NAMES_MAX) {
        return error_set(error, "it has more than %d named types", NAMES_MAX);
    }
    char *full = avro_full_name(name, json_string_value(json_object_get(json, "namespace")), inside);
    if (find_name(types, full, "")) {
        (void)error_set(error, "%s is defined twice", full);
        free(full);
        return false;
    }
    types->named[types->named_count++] = (struct avro_type){kind, json, full};
    return true;
}

static bool read_fields(struct avro_types *types, const struct avro_type *record, struct error *error)
{
    size_t i;
    json_t *field;
    const json_t *fields = json_object_get(record->json, "fields");
    if (!json_is_array(fields)) {
        return error_set(error, "%s has no fields", record->name);
    }
    json_array_foreach (fields, i, field) {
        if (!json_is_string(json_object_get(field, "name"))) {
            return error_set(error, "field %zu of %s has no name", i + 1, record->name);
        }
        if (!read_type(types, json_object_get(field, "type"), record->name, error)) {
            return false;
        }
    }
    return true;
}

static bool read_symbols(const struct avro_type *type, struct error *error)
{
    size_t i;
    json_t *symbol;
    const json_t *symbols = json_object_get(type->json, "symbols");
    bool fine = json_is_array(symbols);
    json_array_foreach (symbols, i, symbol) {
        fine = fine && json_is_string(symbol);
    }
    return fine || error_set(error, "%s has no list of symbols", type->name);
}

static bool read_branches(struct avro_types *types, const struct avro_type *type, struct error *error)
{
    size_t i;
    json_t *branch;
    json_array_foreach (type->json, i, branch) {
        if (json_is_array(branch)) {
            return error_set(error, "a union stands in a union");
        }
        if (!read_type(types, branch, type->name, error)) {
            return false;
        }
    }
    return true;
}

static bool read_type(struct avro_types *types, const json_t *json, const char *inside, struct error *error)
{
    enum avro_kind kind;
    const char *word = json_string_value(json_object_get(json, "type"));
    const bool defines = word && kind_of(word, &kind) && has_name(kind);
    if (defines && !take_name(types, json, kind, inside, error)) {
        return false;
    }
    if (json_is_object(json_object_get(json, "type"))) {
        return read_type(types, json_object_get(json, "type"), inside, error);
    }
    struct avro_type type;
    if (!resolve(types, json, inside, &type)) {
        const char *name = json_is_string(json) ? json_string_value(json) : word;
        return error_set(error, "\"%s\" is no type%s%s", name ? name : "", *inside ? ", in " : "", inside);
    }
    switch (type.kind) {
    case AVRO_RECORD_TYPE:
        return !defines || read_fields(types, &type, error);
    case AVRO_ENUM_TYPE:
        return !defines || read_symbols(&type, error);
    case AVRO_FIXED_TYPE:
        return json_is_integer(json_object_get(type.json, "size")) ||
               error_set(error, "%s has no size", type.name);
    case AVRO_ARRAY_TYPE:
        return read_type(types, json_object_get(type.json, "items"), inside, error);
    case AVRO_MAP_TYPE:
        return read_type(types, json_object_get(type.json, "values"), inside, error);
    case AVRO_UNION_TYPE:
        return read_branches(types, &type, error);
    default:
        return true;
    }
}

bool avro_types_read(const char *text, struct avro_types **ret_types, struct error *error)
{
    size_t position;
    json_error_t flaw;
    if (json_text_deeper_than(text, strlen(text), DEPTH_MAX, &position)) {
        return error_set(error, "is nested deeper than %d levels", DEPTH_MAX);
    }
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &flaw);
    if (!root) {
        return error_set(error, "is not JSON: line %d, %s", flaw.line, flaw.text);
    }
    struct avro_types *types = NEW(struct avro_types);
    types->root = root;
    types->named = NEW_ARRAY(struct avro_type, NAMES_MAX);
    struct error why;
    if (!read_type(types, root, "", &why)) {
        avro_types_free(types);
        return error_set(error, "is not an Avro schema: %s", why.text);
    }
    *ret_types = types;
    return true;
}

void avro_types_free(struct avro_types *types)
{
    if (!types) {
        return;
    }
    for (size_t i = 0; i < types->named_count; i++) {
        free((char *)(uintptr_t)types->named[i].name);
    }
    free(types->named);
    json_decref(types->root);
    free(types);
}
