/*
 * How SendGrid says no.
 */
#include <string.h>

#include "base/attributes.h"
#include "sandbox/sendgrid.h"

static void write_string(struct buffer *document, const char *name, const char *value)
{
    buffer_text(document, name);
    if (value) {
        buffer_json_string(document, value, strlen(value));
    } else {
        buffer_text(document, "null");
    }
}

void sendgrid_write_errors(const struct sendgrid_errors *errors, struct buffer *document)
{
    buffer_text(document, "{\"errors\":[");
    for (size_t i = 0; i < errors->count; i++) {
        write_string(document, i ? ",{\"message\":" : "{\"message\":", errors->items[i].message);
        write_string(document, ",\"field\":", errors->items[i].field);
        write_string(document, ",\"help\":", errors->items[i].help);
        buffer_text(document, "}");
    }
    buffer_text(document, "]}");
}

const char *sendgrid_status_message(int status)
{
    static const struct {
        int status;
        const char *message;
    } known[] = {{400, "Bad Request"},
                 {401, "The provided authorization grant is invalid, expired, or revoked"},
                 {403, "access forbidden"},
                 {404, "resource not found"},
                 {405, "method not allowed"},
                 {413, "Payload Too Large"},
                 {415, "Content-Type should be application/json."},
                 {429, "too many requests"},
                 {500, "internal server error"},
                 {502, "bad gateway"},
                 {503, "service unavailable"},
                 {504, "gateway timeout"}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (known[i].status == status) {
            return known[i].message;
        }
    }
    return status >= 500 ? "internal server error" : "Bad Request";
}
