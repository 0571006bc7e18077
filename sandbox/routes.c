/*
 * The paths that there are.
 */
#include "sandbox/routes.h"

#include <string.h>

#include "sandbox/control.h"
#include "sandbox/mail_send.h"
#include "sandbox/sandbox.h"

#define MAIL_SEND "/v3/mail/send"

static const struct {
    const char *method;
    const char *path;
    void (*handle)(struct sandbox *sandbox, struct http_request *http);
} routes[] = {
    {"POST", MAIL_SEND, mail_send},
    {"GET", "/sandbox/health", control_get_health},
    {"GET", "/sandbox/stats", control_get_stats},
    {"GET", "/sandbox/deliveries", control_get_deliveries},
    {"DELETE", "/sandbox/deliveries", control_delete_deliveries},
    {"GET", "/sandbox/latency", control_get_latency},
    {"PUT", "/sandbox/latency", control_put_latency},
    {"GET", "/sandbox/faults", control_get_faults},
    {"POST", "/sandbox/faults", control_post_fault},
    {"DELETE", "/sandbox/faults", control_delete_faults},
};

static bool is_mail_send(const struct http_request *http)
{
    return strcmp(http->path, MAIL_SEND) == 0 && strcmp(http->method, "POST") == 0;
}

bool routes_on_headers(void *sandbox, struct http_request *http)
{
    return !is_mail_send(http) || mail_send_begins(sandbox);
}

bool routes_on_body(void *sandbox, struct http_request *http)
{
    return !is_mail_send(http) || mail_send_arrives(sandbox);
}

void routes_on_request(void *sandbox, struct http_request *http)
{
    bool path_is_known = false;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (strcmp(routes[i].path, http->path) == 0) {
            path_is_known = true;
            if (strcmp(routes[i].method, http->method) == 0) {
                routes[i].handle(sandbox, http);
                return;
            }
        }
    }
    control_refuse(http, path_is_known ? 405 : 404, NULL, NULL);
}
