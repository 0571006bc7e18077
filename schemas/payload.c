#include "schemas/payload.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"

/* jansson quotes the text near the error, which may be the broken bytes themselves: what is not ASCII goes.
 */
static void make_ascii(char *text)
{
    for (; *text; text++) {
        if (*text < 0x20 || *text > 0x7e) {
            *text = '?';
        }
    }
}

json_t *payload_parse(const char *text, size_t length, size_t depth_max, struct payload_problem *ret_problem)
{
    struct payload_problem *problem = ret_problem;
    if (json_text_deeper_than(text, length, depth_max, &problem->position)) {
        (void)snprintf(problem->text, sizeof problem->text, "is nested deeper than %zu levels", depth_max);
        return NULL;
    }
    const char *nul = memchr(text, '\0', length);
    if (nul) { /* jansson passes over one behind a number */
        problem->position = (size_t)(nul - text);
        (void)snprintf(problem->text, sizeof problem->text, "must not contain NUL");
        return NULL;
    }
    json_error_t error;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!value) {
        make_ascii(error.text);
        problem->position = error.position > 0 ? (size_t)error.position : 0;
        (void)snprintf(problem->text, sizeof problem->text, "is not valid JSON at line %d, column %d: %s",
                       error.line, error.column, error.text);
    }
    return value;
}

/* NUL survives parsing so that it can be refused by the name of its field; PostgreSQL cannot store it. */
static bool holds_nul(const json_t *value)
{
    const char *key;
    json_t *member;
    size_t index;
    switch (json_typeof(value)) {
    case JSON_STRING:
        return memchr(json_string_value(value), '\0', json_string_length(value)) != NULL;
    case JSON_ARRAY:
        json_array_foreach (value, index, member) {
            if (holds_nul(member)) {
                return true;
            }
        }
        return false;
    case JSON_OBJECT:
        json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
            if (holds_nul(member)) {
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

const char *payload_refusal(const json_t *value)
{
    if (!json_is_object(value)) {
        return "must be an object";
    }
    return holds_nul(value) ? "must not contain NUL (\\u0000)" : NULL;
}

void payload_check(struct text payload, struct violations *violations)
{
    if (payload.length > PAYLOAD_MAX) {
        violation_add(violations, "payloadJson", "must have at most %zu bytes", PAYLOAD_MAX);
        return;
    }
    if (payload.length == 0) {
        violation_add(violations, "payloadJson", "is empty; it must be the JSON text of an object");
        return;
    }
    struct payload_problem problem;
    json_t *value = payload_parse(payload.bytes, payload.length, PAYLOAD_DEPTH_MAX, &problem);
    const char *why = value ? payload_refusal(value) : problem.text;
    if (why) {
        violation_add(violations, "payloadJson", "%s", why);
    }
    json_decref(value);
}
