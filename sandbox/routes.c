/*
 * The paths that there are.
 */
#include "sandbox/routes.h"

#include <fnmatch.h>
#include <string.h>

#include "sandbox/answer.h"
#include "sandbox/control.h"
#include "sandbox/mail_send.h"
#include "sandbox/twilio_messages.h"
#include "sandbox/whatsapp_messages.h"

enum whose { PROVIDER, CONTROL };

static const struct route {
    enum whose whose;
    const char *method;
    const char *path; /* a pattern of fnmatch(3) */
    void (*handle)(struct sandbox *sandbox, struct http_request *http);
} routes[] = {
    {PROVIDER, "POST", "/v3/mail/send", mail_send},
    {PROVIDER, "POST", "/2010-04-01/Accounts/*/Messages.json", twilio_messages},
    {PROVIDER, "POST", "/v[0-9]*/*/messages", whatsapp_messages},
    {CONTROL, "GET", "/sandbox/health", control_get_health},
    {CONTROL, "GET", "/sandbox/stats", control_get_stats},
    {CONTROL, "GET", "/sandbox/deliveries", control_get_deliveries},
    {CONTROL, "DELETE", "/sandbox/deliveries", control_delete_deliveries},
    {CONTROL, "GET", "/sandbox/latency", control_get_latency},
    {CONTROL, "PUT", "/sandbox/latency", control_put_latency},
    {CONTROL, "GET", "/sandbox/faults", control_get_faults},
    {CONTROL, "POST", "/sandbox/faults", control_post_fault},
    {CONTROL, "DELETE", "/sandbox/faults", control_delete_faults},
};

/* NULL when there is none; then *ret_path_is_known says whether another method would have one. */
static const struct route *find(const struct http_request *http, bool *ret_path_is_known)
{
    *ret_path_is_known = false;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (fnmatch(routes[i].path, http->path, FNM_PATHNAME) == 0) {
            *ret_path_is_known = true;
            if (strcmp(routes[i].method, http->method) == 0) {
                return &routes[i];
            }
        }
    }
    return NULL;
}

static bool is_for_provider(const struct http_request *http)
{
    bool path_is_known;
    const struct route *route = find(http, &path_is_known);
    return route && route->whose == PROVIDER;
}

bool routes_on_headers(void *sandbox, struct http_request *http)
{
    return !is_for_provider(http) || answer_begins(sandbox);
}

bool routes_on_body(void *sandbox, struct http_request *http)
{
    return !is_for_provider(http) || answer_arrives(sandbox);
}

void routes_on_request(void *sandbox, struct http_request *http)
{
    bool path_is_known;
    const struct route *route = find(http, &path_is_known);
    if (route) {
        route->handle(sandbox, http);
    } else {
        control_refuse(http, path_is_known ? 405 : 404, NULL, NULL);
    }
}
