#include "tests/model/parameters.h"

#include <stdlib.h>
#include <string.h>

static int32_t int4_at(const char *bytes)
{
    int32_t value = 0;
    for (size_t i = 0; i < sizeof value; i++) {
        value = (int32_t)((uint32_t)value << 8 | (unsigned char)bytes[i]);
    }
    return value;
}

static int64_t int8_at(const char *bytes)
{
    return (int64_t)((uint64_t)(uint32_t)int4_at(bytes) << 32 | (uint32_t)int4_at(bytes + 4));
}

/* What no statement has a null for. */
static const char *not_null(struct text value)
{
    if (!value.bytes) {
        abort();
    }
    return value.bytes;
}

struct text param(const struct pg_params *params, int number)
{
    const int index = number - 1;
    if (params->lengths[index] < 0) {
        return (struct text){0};
    }
    const char *bytes = params->bytes.bytes ? params->bytes.bytes + params->offsets[index] : "";
    return (struct text){bytes, (size_t)params->lengths[index]};
}

int64_t number_of(struct text value)
{
    return !value.bytes ? 0 : value.length == 8 ? int8_at(value.bytes) : int4_at(value.bytes);
}

int64_t param_int(const struct pg_params *params, int number)
{
    return number_of(param(params, number));
}

struct array array_of(const struct pg_params *params, int number)
{
    const struct text value = param(params, number);
    return (struct array){not_null(value) + 20, int4_at(not_null(value) + 12)};
}

struct text array_next(struct array *array)
{
    if (array->left == 0) {
        return (struct text){0};
    }
    array->left--;
    const int32_t length = int4_at(array->at);
    const struct text element = {length < 0 ? NULL : array->at + 4, length < 0 ? 0 : (size_t)length};
    array->at += 4 + element.length;
    return element;
}

int64_t array_next_int(struct array *array)
{
    return number_of(array_next(array));
}

struct uuid array_next_uuid(struct array *array)
{
    struct uuid id;
    memcpy(&id, not_null(array_next(array)), sizeof id);
    return id;
}

bool param_has(const struct pg_params *params, int number, const char *name)
{
    for (struct array names = array_of(params, number); names.left > 0;) {
        const struct text next = array_next(&names);
        if (next.length == strlen(name) && memcmp(not_null(next), name, next.length) == 0) {
            return true;
        }
    }
    return false;
}
