#include "schemas/registry_wait.h"

#include <stdlib.h>

#include "base/memory.h"

struct waiting {
    uv_loop_t *loop;
    bool answered;
    struct registry_said said;
};

bool registry_session_open(struct registry_session *session, const struct config *config, struct error *error)
{
    *session = (struct registry_session){.registry = NULL};
    if (uv_loop_init(&session->loop) != 0) {
        abort(); /* out of descriptors */
    }
    if (*config->registry_url && !(session->registry = registry_open(&session->loop, config, error))) {
        registry_session_close(session);
        return false;
    }
    return true;
}

void registry_session_close(struct registry_session *session)
{
    registry_close(session->registry);
    (void)uv_run(&session->loop, UV_RUN_DEFAULT); /* until its handles are closed */
    (void)uv_loop_close(&session->loop);
}

static struct registry_said wait_for(struct registry_session *session, struct waiting *waiting)
{
    while (!waiting->answered) {
        (void)uv_run(&session->loop, UV_RUN_DEFAULT);
    }
    return waiting->said;
}

static void on_answer(void *arg, enum registry_answer answer, const char *why)
{
    struct waiting *waiting = arg;
    waiting->answered = true;
    uv_stop(waiting->loop); /* or the loop would go on to wait for what never comes */
    waiting->said.answer = answer;
    if (why) {
        (void)error_set(&waiting->said.why, "%s", why);
    }
}

static void on_id(void *arg, enum registry_answer answer, int32_t id, const char *why)
{
    struct waiting *waiting = arg;
    waiting->said.id = id;
    on_answer(arg, answer, why);
}

static void on_version(void *arg, enum registry_answer answer, const struct registry_version *version,
                       const char *why)
{
    struct waiting *waiting = arg;
    if (version) {
        waiting->said.id = version->id;
        waiting->said.version = version->version;
        waiting->said.schema_text = memory_strdup(version->schema_text);
    }
    on_answer(arg, answer, why);
}

struct registry_said registry_wait_find(struct registry_session *session, const char *subject,
                                        const char *schema_text)
{
    struct waiting waiting = {.loop = &session->loop};
    registry_find(session->registry, subject, schema_text, on_version, &waiting);
    return wait_for(session, &waiting);
}

struct registry_said registry_wait_latest(struct registry_session *session, const char *subject)
{
    struct waiting waiting = {.loop = &session->loop};
    registry_get_latest(session->registry, subject, on_version, &waiting);
    return wait_for(session, &waiting);
}

struct registry_said registry_wait_check(struct registry_session *session, const char *subject,
                                         const char *schema_text)
{
    struct waiting waiting = {.loop = &session->loop};
    registry_check(session->registry, subject, schema_text, on_answer, &waiting);
    return wait_for(session, &waiting);
}

struct registry_said registry_wait_register(struct registry_session *session, const char *subject,
                                            const char *schema_text)
{
    struct waiting waiting = {.loop = &session->loop};
    registry_register(session->registry, subject, schema_text, on_id, &waiting);
    return wait_for(session, &waiting);
}
