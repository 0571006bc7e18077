#include "senders/payload_text.h"

#include <jansson.h>
#include <string.h>

#include "base/json_text.h"

/* Only the member is parsed: jansson refuses a whole payload in which one number is too large for it. */
bool payload_text(const char *payload, const char *name, struct buffer *ret_text)
{
    const char *value;
    size_t length;
    if (!json_text_member(payload, strlen(payload), name, &value, &length)) {
        return false;
    }
    json_t *string = json_loadb(value, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    const bool found = json_string_length(string) > 0; /* 0 for what is not a string, too */
    if (found) {
        buffer_append(ret_text, json_string_value(string), json_string_length(string));
    }
    json_decref(string);
    return found;
}
