#include "schemas/registry.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "schemas/registry_http.h"

struct question;

struct registry {
    struct registry_http *http;
    struct question *all; /* those that have no answer yet */
};

/* What was asked, until it is answered. */
struct question {
    struct registry *registry;
    struct question *next;
    char *path; /* of the request that follows the first one, and its body */
    char *body;
    union {
        registry_schema_fn *schema;
        registry_id_fn *id;
        registry_version_fn *version;
        registry_answer_fn *answer;
        registry_subjects_fn *subjects;
    } done;
    void *arg;
};

struct registry *registry_open(uv_loop_t *loop, const struct config *config, struct error *error)
{
    struct registry_http *http = registry_http_open(loop, config, error);
    if (!http) {
        return NULL;
    }
    struct registry *registry = NEW(struct registry);
    registry->http = http;
    return registry;
}

static struct question *question_new(struct registry *registry, void *arg)
{
    struct question *question = NEW(struct question);
    question->registry = registry;
    question->arg = arg;
    question->next = registry->all;
    registry->all = question;
    return question;
}

static void question_free(struct question *question)
{
    free(question->path);
    free(question->body);
    free(question);
}

/* A copy of what the callback needs: the question ends before it runs, because it may close the registry. */
static struct question question_end(struct question *question)
{
    const struct question asked = *question;
    struct question **link = &asked.registry->all;
    while (*link != question) {
        link = &(*link)->next;
    }
    *link = question->next;
    question_free(question);
    return asked;
}

void registry_close(struct registry *registry)
{
    if (!registry) {
        return;
    }
    struct question *next;
    for (struct question *question = registry->all; question; question = next) {
        next = question->next;
        question_free(question);
    }
    registry_http_close(registry->http);
    free(registry);
}

void registry_subject(const char *topic, char *ret_subject, size_t size)
{
    (void)snprintf(ret_subject, size, "%s-value", topic);
}

/* BEFORE, the subject, BEHIND; free() it. */
static char *path_of(const char *before, const char *subject, const char *behind)
{
    struct buffer path;
    buffer_init(&path, 4096);
    buffer_text(&path, before);
    buffer_form_value(&path, subject, strlen(subject));
    buffer_text(&path, behind);
    return path.bytes;
}

/* {"schema": "…"}; free() it. */
static char *body_of(const char *schema_text)
{
    struct buffer body;
    buffer_init(&body, (size_t)1024 * 1024);
    buffer_text(&body, "{\"schema\":");
    /* Other clients take off what is behind it, and there are registries that compare bytes. */
    size_t length = strlen(schema_text);
    while (length > 0 && isspace((unsigned char)schema_text[length - 1])) {
        length--;
    }
    buffer_json_string(&body, schema_text, length);
    buffer_text(&body, "}");
    return body.bytes;
}

static void ask(struct question *question, const char *before, const char *subject, const char *behind,
                const char *schema_text, registry_reply_fn *on_reply)
{
    char *path = path_of(before, subject, behind);
    char *body = schema_text ? body_of(schema_text) : NULL;
    registry_http_ask(question->registry->http, path, body, on_reply, question);
    free(path);
    free(body);
}

/* A whole number from `least` up, as ids and versions are. */
static bool read_number(const json_t *body, const char *name, int32_t least, int32_t *ret_number)
{
    const json_t *member = json_object_get(body, name);
    const json_int_t value = json_integer_value(member);
    if (!json_is_integer(member) || value < least || value > INT32_MAX) {
        return false;
    }
    *ret_number = (int32_t)value;
    return true;
}

/* --- the schema of an id */

/* What is no Avro schema by itself can never be the schema of a record. */
static const char *unusable(const json_t *body)
{
    const char *type = json_string_value(json_object_get(body, "schemaType"));
    if (type && strcmp(type, "AVRO") != 0) {
        return "is not an Avro schema";
    }
    return json_array_size(json_object_get(body, "references")) > 0
               ? "refers to other schemas of the registry, which is not supported"
               : NULL;
}

static void on_schema(void *arg, enum registry_answer answer, const json_t *body, const char *why)
{
    const struct question asked = question_end(arg);
    struct error error;
    const char *text = answer == REGISTRY_FOUND ? json_string_value(json_object_get(body, "schema")) : NULL;
    const char *flaw = text ? unusable(body) : NULL;
    if (flaw) {
        char words[128];
        (void)snprintf(words, sizeof words, "what the id stands for %s", flaw);
        asked.done.schema(asked.arg, REGISTRY_ABSENT, NULL, words);
    } else if (answer == REGISTRY_FOUND && !text) {
        asked.done.schema(asked.arg, REGISTRY_AWAY, NULL,
                          registry_http_nonsense(asked.registry->http, "\"schema\"", &error));
    } else {
        /* What it does not want to tell (409, 422, more than 1 MB) it will not tell later either. */
        asked.done.schema(asked.arg, answer == REGISTRY_REFUSED ? REGISTRY_ABSENT : answer, text, why);
    }
}

void registry_get_schema(struct registry *registry, int32_t id, registry_schema_fn *done, void *arg)
{
    struct question *question = question_new(registry, arg);
    question->done.schema = done;
    char number[16];
    (void)snprintf(number, sizeof number, "%d", id);
    ask(question, "/schemas/ids/", number, "", NULL, on_schema);
}

/* --- versions of a subject */

static void on_version(void *arg, enum registry_answer answer, const json_t *body, const char *why)
{
    const struct question asked = question_end(arg);
    struct error error;
    struct registry_version version = {.schema_text = json_string_value(json_object_get(body, "schema"))};
    if (answer != REGISTRY_FOUND) {
        asked.done.version(asked.arg, answer == REGISTRY_REFUSED ? REGISTRY_AWAY : answer, NULL, why);
    } else if (!version.schema_text || !read_number(body, "id", 0, &version.id) ||
               !read_number(body, "version", 1, &version.version)) {
        asked.done.version(
            asked.arg, REGISTRY_AWAY, NULL,
            registry_http_nonsense(asked.registry->http, "\"id\", \"version\" and \"schema\"", &error));
    } else {
        asked.done.version(asked.arg, answer, &version, NULL);
    }
}

void registry_find(struct registry *registry, const char *subject, const char *schema_text,
                   registry_version_fn *done, void *arg)
{
    struct question *question = question_new(registry, arg);
    question->done.version = done;
    ask(question, "/subjects/", subject, "", schema_text, on_version);
}

void registry_get_latest(struct registry *registry, const char *subject, registry_version_fn *done, void *arg)
{
    struct question *question = question_new(registry, arg);
    question->done.version = done;
    ask(question, "/subjects/", subject, "/versions/latest", NULL, on_version);
}

/* --- registering: look, then add */

static void end_with_id(struct question *question, enum registry_answer answer, const json_t *body,
                        const char *why)
{
    const struct question asked = question_end(question);
    struct error error;
    int32_t id = 0;
    if (answer == REGISTRY_FOUND && !read_number(body, "id", 0, &id)) {
        answer = REGISTRY_AWAY;
        why = registry_http_nonsense(asked.registry->http, "\"id\"", &error);
    }
    asked.done.id(asked.arg, answer == REGISTRY_ABSENT ? REGISTRY_AWAY : answer, id, why);
}

static void on_added(void *arg, enum registry_answer answer, const json_t *body, const char *why)
{
    end_with_id(arg, answer, body, why);
}

static void on_looked_up(void *arg, enum registry_answer answer, const json_t *body, const char *why)
{
    struct question *question = arg;
    if (answer == REGISTRY_ABSENT) {
        registry_http_ask(question->registry->http, question->path, question->body, on_added, question);
    } else {
        end_with_id(question, answer, body, why);
    }
}

void registry_register(struct registry *registry, const char *subject, const char *schema_text,
                       registry_id_fn *done, void *arg)
{
    struct question *question = question_new(registry, arg);
    question->done.id = done;
    question->path = path_of("/subjects/", subject, "/versions");
    question->body = body_of(schema_text);
    ask(question, "/subjects/", subject, "", schema_text, on_looked_up);
}

/* --- the registry's own compatibility check: is there a version, then does it go with it */

/* Confluent's and Apicurio's words for what is wrong; the latter has none. */
static void say_incompatible(const json_t *body, char *ret_words, size_t size)
{
    size_t length = (size_t)snprintf(ret_words, size, "the registry says that it is not compatible");
    size_t i;
    json_t *message;
    json_array_foreach (json_object_get(body, "messages"), i, message) {
        const char *words = json_string_value(message);
        if (words && length < size) {
            length += (size_t)snprintf(ret_words + length, size - length, "%s %s", i ? ";" : ":", words);
        }
    }
}

static void on_checked(void *arg, enum registry_answer answer, const json_t *body, const char *why)
{
    const struct question asked = question_end(arg);
    struct error error;
    const json_t *compatible = json_object_get(body, "is_compatible");
    if (answer == REGISTRY_FOUND && !json_is_boolean(compatible)) {
        asked.done.answer(asked.arg, REGISTRY_AWAY,
                          registry_http_nonsense(asked.registry->http, "\"is_compatible\"", &error));
    } else if (answer == REGISTRY_FOUND && !json_is_true(compatible)) {
        char words[1024];
        say_incompatible(body, words, sizeof words);
        asked.done.answer(asked.arg, REGISTRY_REFUSED, words);
    } else {
        asked.done.answer(asked.arg, answer, why);
    }
}

static void on_latest_looked_up(void *arg, enum registry_answer answer, const json_t *body, const char *why)
{
    struct question *question = arg;
    (void)body;
    if (answer == REGISTRY_FOUND) {
        registry_http_ask(question->registry->http, question->path, question->body, on_checked, question);
        return;
    }
    const struct question asked = question_end(question);
    asked.done.answer(asked.arg, answer == REGISTRY_REFUSED ? REGISTRY_AWAY : answer, why);
}

void registry_check(struct registry *registry, const char *subject, const char *schema_text,
                    registry_answer_fn *done, void *arg)
{
    struct question *question = question_new(registry, arg);
    question->done.answer = done;
    question->path = path_of("/compatibility/subjects/", subject, "/versions/latest?verbose=true");
    question->body = body_of(schema_text);
    /* Apicurio answers "compatible" where there is nothing to be compatible with. */
    ask(question, "/subjects/", subject, "/versions/latest", NULL, on_latest_looked_up);
}

/* --- subjects */

static void on_subjects(void *arg, enum registry_answer answer, const json_t *body, const char *why)
{
    const struct question asked = question_end(arg);
    struct error error;
    if (answer != REGISTRY_FOUND) {
        asked.done.subjects(asked.arg, REGISTRY_AWAY, NULL, 0, why);
        return;
    }
    const size_t count = json_array_size(body);
    const char **subjects = NEW_ARRAY(const char *, count + 1);
    bool fine = json_is_array(body);
    for (size_t i = 0; i < count; i++) {
        subjects[i] = json_string_value(json_array_get(body, i));
        fine = fine && subjects[i];
    }
    if (fine) {
        asked.done.subjects(asked.arg, answer, subjects, count, NULL);
    } else {
        asked.done.subjects(asked.arg, REGISTRY_AWAY, NULL, 0,
                            registry_http_nonsense(asked.registry->http, "list of names", &error));
    }
    free(subjects);
}

void registry_list_subjects(struct registry *registry, registry_subjects_fn *done, void *arg)
{
    struct question *question = question_new(registry, arg);
    question->done.subjects = done;
    ask(question, "/subjects", "", "", NULL, on_subjects);
}
