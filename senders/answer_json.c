#include "senders/answer_json.h"

#include <limits.h>

const char *answer_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

int answer_number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    const json_int_t number = json_integer_value(value);
    return json_is_integer(value) && number >= 0 && number <= INT_MAX ? (int)number : NO_NUMBER;
}
