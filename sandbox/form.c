#include "sandbox/form.h"

#include <curl/curl.h>
#include <jansson.h>
#include <string.h>

/* Plus signs are spaces; the rest is libcurl's. NULL when it is no text. */
static const char *decode(const char *text, size_t length, struct arena *arena)
{
    char *copy = arena_copy(arena, text, length);
    for (char *at = copy; (at = memchr(at, '+', length - (size_t)(at - copy)));) {
        *at = ' ';
    }
    if (length == 0) {
        return copy;
    }
    int decoded_length;
    char *decoded = curl_easy_unescape(NULL, copy, (int)length, &decoded_length);
    json_t *checked = json_stringn(decoded, (size_t)decoded_length); /* NULL: not UTF-8 */
    const bool is_text = checked && strlen(decoded) == (size_t)decoded_length;
    const char *kept = is_text ? arena_copy(arena, decoded, (size_t)decoded_length) : NULL;
    json_decref(checked);
    curl_free(decoded);
    return kept;
}

bool form_parse(const char *body, size_t length, struct arena *arena, struct form *ret_form)
{
    ret_form->count = 0;
    const char *end = body + length;
    for (const char *at = body; at < end;) {
        const char *next = memchr(at, '&', (size_t)(end - at));
        const char *field_end = next ? next : end;
        const char *equals = memchr(at, '=', (size_t)(field_end - at));
        const char *name_end = equals ? equals : field_end;
        const char *value = equals ? equals + 1 : field_end;
        if (ret_form->count == FORM_FIELDS_MAX) {
            return false;
        }
        const size_t i = ret_form->count++;
        ret_form->fields[i].name = decode(at, (size_t)(name_end - at), arena);
        ret_form->fields[i].value = decode(value, (size_t)(field_end - value), arena);
        if (!ret_form->fields[i].name || !ret_form->fields[i].value) {
            return false;
        }
        at = next ? next + 1 : end;
    }
    return true;
}

const char *form_value(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++) {
        if (strcmp(form->fields[i].name, name) == 0) {
            return *form->fields[i].value ? form->fields[i].value : NULL;
        }
    }
    return NULL;
}
