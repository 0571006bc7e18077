#include "producer/message_request.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/json_text.h"
#include "schemas/payload.h"

/* A caller's longer name is not given back to it. */
#define NAME_TOLD_MAX 64

struct parse {
    const char *body;
    size_t length;
    struct arena *arena;
    struct new_message *message;
    struct violations *violations;
};

static struct text copy_string(struct parse *parse, const json_t *value)
{
    const size_t length = json_string_length(value);
    return (struct text){arena_copy(parse->arena, json_string_value(value), length), length};
}

/* `into` keeps what it has when the value is null and the field may be. */
static void take_string(struct parse *parse, const char *field, const json_t *value, bool nullable,
                        struct text *into)
{
    if (json_is_string(value)) {
        *into = copy_string(parse, value);
    } else if (!(nullable && json_is_null(value))) {
        violation_add(parse->violations, field, "must be a string");
    }
}

static void take_id(struct parse *parse, const char *field, const json_t *value)
{
    if (json_is_null(value)) {
        return;
    }
    if (!json_is_string(value) ||
        !uuid_parse(json_string_value(value), json_string_length(value), &parse->message->id)) {
        violation_add(parse->violations, field, "must be a UUID like 01890a5d-ac96-774b-bcce-b302099a8057");
        return;
    }
    parse->message->has_request_hash = true;
}

static void take_dossier_id(struct parse *parse, const char *field, const json_t *value)
{
    if (!json_is_integer(value)) {
        violation_add(parse->violations, field, "must be a whole number");
        return;
    }
    parse->message->dossier_id = json_integer_value(value);
}

static void take_channel(struct parse *parse, const char *field, const json_t *value)
{
    take_string(parse, field, value, false, &parse->message->channel_name);
}

static void take_to(struct parse *parse, const char *field, const json_t *value)
{
    take_string(parse, field, value, false, &parse->message->to);
}

static void take_template_code(struct parse *parse, const char *field, const json_t *value)
{
    take_string(parse, field, value, false, &parse->message->template_code);
}

static void take_subject(struct parse *parse, const char *field, const json_t *value)
{
    take_string(parse, field, value, true, &parse->message->subject);
}

static void take_ordering_key(struct parse *parse, const char *field, const json_t *value)
{
    take_string(parse, field, value, true, &parse->message->ordering_key);
}

static void take_priority(struct parse *parse, const char *field, const json_t *value)
{
    take_string(parse, field, value, true, &parse->message->priority);
}

static void take_payload(struct parse *parse, const char *field, const json_t *value)
{
    const char *refusal = payload_refusal(value);
    if (refusal) {
        violation_add(parse->violations, field, "%s", refusal);
        return;
    }
    struct text *payload = &parse->message->payload;
    if (!json_text_member(parse->body, parse->length, field, &payload->bytes, &payload->length)) {
        violation_add(parse->violations, field, "must be written without escapes in its name");
    }
}

static void take_expires_at(struct parse *parse, const char *field, const json_t *value)
{
    if (json_is_null(value)) {
        return;
    }
    if (!json_is_string(value) ||
        !parse_rfc3339(json_string_value(value), json_string_length(value), &parse->message->expires_at_us)) {
        violation_add(parse->violations, field, "must be a time like 2030-01-31T12:00:00Z (RFC 3339)");
    } else if (parse->message->expires_at_us <= 0) {
        violation_add(parse->violations, field, "is in the past"); /* 0 would mean never */
    }
}

static const struct field {
    const char *name;
    void (*take)(struct parse *parse, const char *field, const json_t *value);
    bool required; /* the others are required by new_message_check() where they are */
} fields[] = {
    {"dossierId", take_dossier_id, true},
    {"channel", take_channel, false},
    {"to", take_to, false},
    {"templateCode", take_template_code, false},
    {"subject", take_subject, false},
    {"payloadJson", take_payload, false},
    {"id", take_id, false},
    {"expiresAt", take_expires_at, false},
    {"priority", take_priority, false},
    {"orderingKey", take_ordering_key, false},
};

static const struct field *field_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static void take_fields(struct parse *parse, json_t *root)
{
    const char *name;
    json_t *value;
    json_object_foreach (root, name, value) {
        const struct field *field = field_named(name);
        if (field) {
            field->take(parse, name, value);
        } else if (strlen(name) < NAME_TOLD_MAX) {
            violation_add(parse->violations, name, "is not a field of a message");
        } else {
            violation_add(parse->violations, "body", "has a member that is not a field of a message");
        }
    }
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (fields[i].required && !json_object_get(root, fields[i].name)) {
            violation_add(parse->violations, fields[i].name, "is required");
        }
    }
}

/* A repetition is known by its content: white space and the order of members do not count. */
static void hash_request(struct parse *parse, const json_t *root)
{
    char *canonical = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
    if (!canonical) {
        abort(); /* out of memory */
    }
    digest_sha256(canonical, strlen(canonical), parse->message->request_hash);
    free(canonical);
}

/* The name of a member in text that is not valid JSON may be any bytes; what cannot be told is the body's. */
static bool can_be_told(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (name[i] < 0x20 || name[i] > 0x7e) {
            return false;
        }
    }
    return length < NAME_TOLD_MAX;
}

/* Names the member in which byte `position` lies, or the body. */
static void violation_at(struct parse *parse, size_t position, const char *problem)
{
    const char *name;
    size_t length;
    if (json_text_member_at(parse->body, parse->length, position, &name, &length) &&
        can_be_told(name, length)) {
        violation_add(parse->violations, arena_copy(parse->arena, name, length), "%s", problem);
    } else {
        violation_add(parse->violations, "body", "%s", problem);
    }
}

void message_request_parse(const char *body, size_t length, struct arena *arena, struct new_message *message,
                           struct violations *violations)
{
    struct parse parse = {body, length, arena, message, violations};
    if (length == 0) {
        violation_add(violations, "body", "is empty; it must be a JSON object");
        return;
    }
    struct payload_problem problem;
    json_t *root = payload_parse(body, length, MESSAGE_DEPTH_MAX, &problem);
    if (!root) {
        violation_at(&parse, problem.position, problem.text);
    } else if (!json_is_object(root)) {
        violation_add(violations, "body", "must be a JSON object");
    } else {
        take_fields(&parse, root);
        if (message->idempotency_key.bytes || message->has_request_hash) {
            message->has_request_hash = true;
            hash_request(&parse, root);
        }
    }
    json_decref(root);
}
