/*
 * registry.h - client of a schema registry with Confluent's API (SCHEMA_REGISTRY_URL).
 *
 * Every question is one HTTP request or two, on the event loop. The answer comes by a callback, once, never
 * from within the call that asked; the callback may ask again, or close the registry. What it is given is
 * valid until it returns. Nothing is cached: an id never changes its meaning, so whoever asks for one keeps
 * what it stands for.
 *
 * The API: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
 */
#ifndef SCHEMAS_REGISTRY_H
#define SCHEMAS_REGISTRY_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "schemas/config.h"

struct registry;

enum registry_answer {
    REGISTRY_FOUND,   /* there it is; of a check: compatible */
    REGISTRY_ABSENT,  /* the registry answers, and has no such id, subject, or Avro schema: final for now */
    REGISTRY_REFUSED, /* the registry does not want this schema: incompatible, or not valid */
    REGISTRY_AWAY, /* nobody knows: no connection, 5xx, 401, 403, an answer that makes no sense. Ask again */
};

/*
 * `config->registry_url` must not be empty. NULL, naming the setting, when the file of
 * SCHEMA_REGISTRY_SSL_CA_LOCATION cannot be used. No connection is made before the first question.
 */
struct registry *registry_open(uv_loop_t *loop, const struct config *config, struct error *error);

/* Questions that are under way end without their callbacks. NULL is fine. */
void registry_close(struct registry *registry);

/* "outbound.requests-value" for the topic "outbound.requests": the subject of its values (TopicNameStrategy).
 */
void registry_subject(const char *topic, char *ret_subject, size_t size);

/* `why`: a sentence for people, naming the registry, when the answer is not REGISTRY_FOUND; else NULL. */
typedef void registry_schema_fn(void *arg, enum registry_answer answer, const char *schema_text,
                                const char *why);
typedef void registry_id_fn(void *arg, enum registry_answer answer, int32_t id, const char *why);
typedef void registry_answer_fn(void *arg, enum registry_answer answer, const char *why);

/* The schema that an id in a record stands for. FOUND, ABSENT or AWAY. */
void registry_get_schema(struct registry *registry, int32_t id, registry_schema_fn *done, void *arg);

/*
 * The id of a schema below a subject. Looks first, and adds the schema as the subject's next version only
 * when it is not there; any number of processes may do so at once. FOUND, REFUSED or AWAY.
 */
void registry_register(struct registry *registry, const char *subject, const char *schema_text,
                       registry_id_fn *done, void *arg);

struct registry_version {
    int32_t id;
    int32_t version;
    const char *schema_text; /* as the registry has it */
};

typedef void registry_version_fn(void *arg, enum registry_answer answer,
                                 const struct registry_version *version, const char *why);

/* Id and version of this very schema below a subject. FOUND, ABSENT or AWAY. */
void registry_find(struct registry *registry, const char *subject, const char *schema_text,
                   registry_version_fn *done, void *arg);

/* A subject's newest version. FOUND, ABSENT or AWAY. */
void registry_get_latest(struct registry *registry, const char *subject, registry_version_fn *done,
                         void *arg);

/*
 * Whether the registry would take the schema as the subject's next version, by the rule that is set there.
 * ABSENT: the subject has no version yet, so nothing can be broken. FOUND (compatible), ABSENT, REFUSED or
 * AWAY.
 */
void registry_check(struct registry *registry, const char *subject, const char *schema_text,
                    registry_answer_fn *done, void *arg);

typedef void registry_subjects_fn(void *arg, enum registry_answer answer, const char *const *subjects,
                                  size_t count, const char *why);

/* All subjects. FOUND or AWAY. */
void registry_list_subjects(struct registry *registry, registry_subjects_fn *done, void *arg);

#endif
