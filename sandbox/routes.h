/*
 * routes.h - which request goes where. These are the functions of http_server_options; the argument is the
 * sandbox.
 */
#ifndef SANDBOX_ROUTES_H
#define SANDBOX_ROUTES_H

#include <stdbool.h>

#include "base/http_server.h"

bool routes_on_headers(void *sandbox, struct http_request *http);
bool routes_on_body(void *sandbox, struct http_request *http);
void routes_on_request(void *sandbox, struct http_request *http);

#endif
