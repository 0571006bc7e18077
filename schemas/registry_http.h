/*
 * registry_http.h - one request to a schema registry: address, login, TLS, and what its answer means in
 * general.
 */
#ifndef SCHEMAS_REGISTRY_HTTP_H
#define SCHEMAS_REGISTRY_HTTP_H

#include <jansson.h>
#include <uv.h>

#include "base/error.h"
#include "schemas/config.h"
#include "schemas/registry.h"

struct registry_http;

/* As registry_open() and registry_close() have it. */
struct registry_http *registry_http_open(uv_loop_t *loop, const struct config *config, struct error *error);
void registry_http_close(struct registry_http *http);

/*
 * FOUND: `body` is JSON; whether it says what it should is for the caller to judge. Else `why` is a sentence
 * that names the registry.
 */
typedef void registry_reply_fn(void *arg, enum registry_answer answer, const json_t *body, const char *why);

/*
 * Asks for a path below the registry's URL: by GET, or by POST when `body`, JSON text, is not NULL. `done` is
 * called once, from the loop, not from within this call; it may ask again.
 */
void registry_http_ask(struct registry_http *http, const char *path, const char *body,
                       registry_reply_fn *done, void *arg);

/* Writes the sentence for an answer that lacks something, and returns its text. */
const char *registry_http_nonsense(const struct registry_http *http, const char *what, struct error *why);

#endif
