/*
 * registry_wait.h - the questions of registry.h, each with its answer before it returns: for commands.
 */
#ifndef SCHEMAS_REGISTRY_WAIT_H
#define SCHEMAS_REGISTRY_WAIT_H

#include <uv.h>

#include "base/attributes.h"
#include "base/error.h"
#include "schemas/registry.h"

struct registry_session {
    uv_loop_t loop;
    struct registry *registry; /* NULL: SCHEMA_REGISTRY_URL is not set */
};

MUST_CHECK bool registry_session_open(struct registry_session *session, const struct config *config,
                                      struct error *error);
void registry_session_close(struct registry_session *session);

struct registry_said {
    enum registry_answer answer;
    int32_t id;
    int32_t version;
    char *schema_text; /* free() it */
    struct error why;  /* unless the answer is REGISTRY_FOUND */
};

struct registry_said registry_wait_find(struct registry_session *session, const char *subject,
                                        const char *schema_text);
struct registry_said registry_wait_latest(struct registry_session *session, const char *subject);
struct registry_said registry_wait_check(struct registry_session *session, const char *subject,
                                         const char *schema_text);
struct registry_said registry_wait_register(struct registry_session *session, const char *subject,
                                            const char *schema_text);

#endif
