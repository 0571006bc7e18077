#include "schemas/avro_bounds.h"

#include <string.h>

#include "base/utf8.h"

/* Any sound datum has far fewer values to a byte; a short one may have a good many absent fields. */
#define STEPS_PER_BYTE 8
#define STEPS_AT_LEAST 4096

struct pass {
    struct avro_cursor *cursor;
    struct avro_budget *budget;
    size_t depth;
};

static const char ends_early[] = "ends before its value does";
static const char too_many[] = "claims more items than there are bytes";

static const char *pass_value(struct pass *pass, avro_schema_t schema);

static const char *pass_long(struct pass *pass, int64_t least, int64_t most, const char *problem)
{
    const int64_t value = avro_get_long(pass->cursor);
    if (pass->cursor->failed) {
        return "has a number that is cut short or longer than 64 bits";
    }
    return value < least || value > most ? problem : NULL;
}

static const char *pass_bytes(struct pass *pass, int64_t length)
{
    (void)avro_get_run(pass->cursor, length);
    return pass->cursor->failed ? ends_early : NULL;
}

static const char *pass_string(struct pass *pass)
{
    const struct text text = avro_get_string(pass->cursor, SIZE_MAX);
    if (pass->cursor->failed) {
        return ends_early;
    }
    if (text.length > 0 && memchr(text.bytes, '\0', text.length)) {
        return "must not contain NUL";
    }
    return utf8_is_valid(text.bytes, text.length) ? NULL : "is not valid UTF-8";
}

static const char *pass_boolean(struct pass *pass)
{
    const struct text byte = avro_get_run(pass->cursor, 1);
    if (pass->cursor->failed) {
        return ends_early;
    }
    return byte.bytes[0] == 0 || byte.bytes[0] == 1 ? NULL : "has a boolean that is neither 0 nor 1";
}

static const char *pass_record(struct pass *pass, avro_schema_t schema)
{
    const size_t count = avro_schema_record_size(schema);
    const char *problem = NULL;
    for (size_t i = 0; i < count && !problem; i++) {
        problem = pass_value(pass, avro_schema_record_field_get_by_index(schema, (int)i));
    }
    return problem;
}

static const char *pass_union(struct pass *pass, avro_schema_t schema)
{
    const int64_t branch = avro_get_long(pass->cursor);
    if (pass->cursor->failed || branch < 0 || (uint64_t)branch >= avro_schema_union_size(schema)) {
        return "has a branch that its union has not";
    }
    return pass_value(pass, avro_schema_union_branch(schema, (int)branch));
}

/* An array, or with `keys` a map: blocks of items until one has none. */
static const char *pass_blocks(struct pass *pass, avro_schema_t items, bool keys)
{
    for (;;) {
        int64_t count = avro_get_long(pass->cursor);
        const unsigned char *end = NULL;
        if (count < 0) { /* so many items, negated, and then their size in bytes */
            if (count == INT64_MIN) {
                return too_many;
            }
            count = -count;
            const int64_t size = avro_get_long(pass->cursor);
            if (size < 0 || (uint64_t)size > avro_left(pass->cursor)) {
                return "claims a block larger than the bytes that are left";
            }
            end = pass->cursor->at + size;
        }
        if (pass->cursor->failed) {
            return ends_early;
        }
        if ((uint64_t)count > avro_left(pass->cursor)) { /* items without bytes count, too */
            return too_many;
        }
        for (int64_t i = 0; i < count; i++) {
            const char *problem = keys ? pass_string(pass) : NULL;
            problem = problem ? problem : pass_value(pass, items);
            if (problem) {
                return problem;
            }
        }
        if (end && end != pass->cursor->at) {
            return "has a block of another size than it claims";
        }
        if (count == 0) {
            return NULL;
        }
    }
}

static const char *pass_typed(struct pass *pass, avro_schema_t schema)
{
    switch (avro_typeof(schema)) {
    case AVRO_NULL:
        return NULL;
    case AVRO_BOOLEAN:
        return pass_boolean(pass);
    case AVRO_INT32:
        return pass_long(pass, INT32_MIN, INT32_MAX, "has an int of more than 32 bits");
    case AVRO_INT64:
        return pass_long(pass, INT64_MIN, INT64_MAX, NULL);
    case AVRO_FLOAT:
        return pass_bytes(pass, sizeof(float));
    case AVRO_DOUBLE:
        return pass_bytes(pass, sizeof(double));
    case AVRO_STRING:
        return pass_string(pass);
    case AVRO_BYTES:
        return pass_bytes(pass, avro_get_long(pass->cursor));
    case AVRO_FIXED:
        return pass_bytes(pass, avro_schema_fixed_size(schema));
    case AVRO_ENUM:
        return pass_long(pass, 0, avro_schema_enum_number_of_symbols(schema) - 1,
                         "has a symbol that its enum has not");
    case AVRO_ARRAY:
        return pass_blocks(pass, avro_schema_array_items(schema), false);
    case AVRO_MAP:
        return pass_blocks(pass, avro_schema_map_values(schema), true);
    case AVRO_UNION:
        return pass_union(pass, schema);
    case AVRO_RECORD:
        return pass_record(pass, schema);
    case AVRO_LINK:
        return pass_typed(pass, avro_schema_link_target(schema));
    default:
        return "has a type that is not known";
    }
}

static const char *pass_value(struct pass *pass, avro_schema_t schema)
{
    if (pass->budget->steps == 0) {
        return "has more values than its bytes warrant";
    }
    if (pass->depth == AVRO_DEPTH_MAX) {
        return "is nested deeper than 64 levels";
    }
    pass->budget->steps--;
    pass->depth++;
    const char *problem = pass_typed(pass, schema);
    pass->depth--;
    return problem;
}

struct avro_budget avro_budget_for(size_t length)
{
    return (struct avro_budget){STEPS_PER_BYTE * length + STEPS_AT_LEAST};
}

const char *avro_pass(struct avro_cursor *cursor, avro_schema_t schema, struct avro_budget *budget)
{
    struct pass pass = {.cursor = cursor, .budget = budget};
    const char *problem = pass_value(&pass, schema);
    cursor->failed |= problem != NULL;
    return problem;
}
