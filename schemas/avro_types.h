/*
 * avro_types.h - an Avro schema, read from its JSON text, with every name resolved.
 *
 * avro-c reads schemas, too, but forgets defaults and aliases, on which compatibility depends.
 */
#ifndef SCHEMAS_AVRO_TYPES_H
#define SCHEMAS_AVRO_TYPES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"

enum avro_kind {
    AVRO_NULL_TYPE,
    AVRO_BOOLEAN_TYPE,
    AVRO_INT_TYPE,
    AVRO_LONG_TYPE,
    AVRO_FLOAT_TYPE,
    AVRO_DOUBLE_TYPE,
    AVRO_BYTES_TYPE,
    AVRO_STRING_TYPE,
    AVRO_RECORD_TYPE,
    AVRO_ENUM_TYPE,
    AVRO_FIXED_TYPE,
    AVRO_ARRAY_TYPE,
    AVRO_MAP_TYPE,
    AVRO_UNION_TYPE,
};

struct avro_type {
    enum avro_kind kind;
    const json_t
        *json; /* the object that defines it; a union's array; NULL for a primitive type's bare name */
    const char
        *name; /* full name of a record, enum or fixed; of what stands in it: of what it stands in; or "" */
};

struct avro_types;

/* False, in words, when `text` is not an Avro schema. */
MUST_CHECK bool avro_types_read(const char *text, struct avro_types **ret_types, struct error *error);
void avro_types_free(struct avro_types *types);

struct avro_type avro_types_root(const struct avro_types *types);

/* The type that `json`, a part of `inside`, stands for. It must be of the same schema. */
struct avro_type avro_types_of(const struct avro_types *types, const json_t *json,
                               const struct avro_type *inside);

/* "int", "record", … */
const char *avro_kind_name(enum avro_kind kind);

/* What stands behind the last dot. */
const char *avro_unqualified(const char *name);

/* The full name that `name` is inside of a type with the full name `inside`; free() it. */
char *avro_full_name(const char *name, const char *namespace, const char *inside);

#endif
