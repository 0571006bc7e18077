#include "producer/alert_notification.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "schemas/payload.h"

#define DEPTH_MAX 8
#define FINGERPRINT_MAX 64
#define EXPIRES_AFTER_MS (INT64_C(4) * 3600 * 1000) /* older news helps nobody, and a reminder follows */

/* Characters. With the template's own words, its body may have 1024; and none of this needs more. */
#define SEVERITY_MAX 32
#define NAME_MAX 128
#define DESCRIPTION_MAX 700

#define TEXT_BYTES_MAX ((size_t)8 * 1024)
#define PAYLOAD_BYTES_MAX ((size_t)32 * 1024)

/*
 * Parameters of a template must not have line ends, tabs or more than four spaces in a row: white space and
 * control characters become one space. What is too long ends with "…".
 */
static const char *one_line(const char *text, size_t length, size_t characters_max, struct arena *arena)
{
    char *line = arena_alloc(arena, length + sizeof "…");
    size_t used = 0;
    size_t characters = 0;
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)text[i];
        const bool space = byte <= ' ' || byte == 0x7f;
        if (space && (used == 0 || line[used - 1] == ' ')) {
            continue;
        }
        characters += (byte & 0xc0) != 0x80;
        if (characters > characters_max) {
            memcpy(line + used, "…", sizeof "…");
            return line;
        }
        line[used++] = text[i];
        if (space) {
            line[used - 1] = ' ';
        }
    }
    line[used > 0 && line[used - 1] == ' ' ? used - 1 : used] = '\0';
    return line;
}

/* The first of the members that has something to say; else `otherwise`. */
static const char *text_in(const json_t *object, const char *const *names, size_t characters_max,
                           const char *otherwise, struct arena *arena)
{
    for (; *names; names++) {
        const json_t *value = json_object_get(object, *names);
        if (json_is_string(value)) {
            const char *line =
                one_line(json_string_value(value), json_string_length(value), characters_max, arena);
            if (*line) {
                return line;
            }
        }
    }
    return otherwise;
}

static const char *capitals(const char *text, struct arena *arena)
{
    char *copy = arena_strdup(arena, text);
    for (char *at = copy; *at; at++) {
        *at = (char)toupper((unsigned char)*at);
    }
    return copy;
}

static void wrong(struct violations *violations, const char *path, const char *member, const char *detail)
{
    char field[64];
    (void)snprintf(field, sizeof field, "%s.%s", path, member);
    violation_add(violations, arena_strdup(violations->arena, field), "%s", detail);
}

static bool is_status(const json_t *value, const char *status)
{
    return json_is_string(value) && strcmp(json_string_value(value), status) == 0;
}

/* `path` names the alert: "alerts[0]". */
static void fill_one(const json_t *value, const char *path, struct alert *alert,
                     struct violations *violations)
{
    static const char *const severity[] = {"severity", NULL};
    static const char *const name[] = {"alertname", NULL};
    static const char *const description[] = {"description", "summary", "message", NULL};
    struct arena *arena = violations->arena;
    const json_t *status = json_object_get(value, "status");
    const json_t *fingerprint = json_object_get(value, "fingerprint");
    const json_t *starts_at = json_object_get(value, "startsAt");
    const json_t *labels = json_object_get(value, "labels");
    const struct text print = {json_string_value(fingerprint), json_string_length(fingerprint)};

    if (!is_status(status, "firing") && !is_status(status, "resolved")) {
        wrong(violations, path, "status", "must be firing or resolved");
    }
    if (print.length == 0 || print.length > FINGERPRINT_MAX || !text_is_visible_ascii(print)) {
        wrong(violations, path, "fingerprint", "must have 1 to 64 visible ASCII characters");
    }
    if (!json_is_string(starts_at) ||
        !parse_rfc3339(json_string_value(starts_at), json_string_length(starts_at), &alert->starts_at_us)) {
        wrong(violations, path, "startsAt", "must be a time like 2030-01-31T12:00:00Z (RFC 3339)");
    }
    if (!json_is_object(labels)) {
        wrong(violations, path, "labels", "must be an object");
    }
    alert->firing = is_status(status, "firing");
    alert->fingerprint = arena_copy(arena, print.bytes, print.length);
    alert->severity = alert->firing
                          ? capitals(text_in(labels, severity, SEVERITY_MAX, "unknown", arena), arena)
                          : "RESOLVED";
    alert->name = text_in(labels, name, NAME_MAX, "an alert without a name", arena);
    alert->description = text_in(json_object_get(value, "annotations"), description, DESCRIPTION_MAX,
                                 "It has no description.", arena);
}

void alert_notification_parse(const char *body, size_t length, struct alert **ret_alerts, size_t *ret_count,
                              struct violations *violations)
{
    struct payload_problem problem = {.text = "is empty; it must be a JSON object"};
    json_t *root = length ? payload_parse(body, length, DEPTH_MAX, &problem) : NULL;
    const json_t *alerts = json_object_get(root, "alerts");
    const size_t count = json_array_size(alerts);
    if (!root) {
        violation_add(violations, "body", "%s", problem.text);
    } else if (!is_status(json_object_get(root, "version"), "4")) {
        violation_add(violations, "version", "must be \"4\", Alertmanager's webhook format");
    } else if (!json_is_array(alerts)) {
        violation_add(violations, "alerts", "must be an array");
    } else if (count > ALERTS_MAX) {
        violation_add(violations, "alerts", "must have at most %d (see max_alerts)", ALERTS_MAX);
    } else {
        *ret_count = count;
        *ret_alerts = arena_alloc(violations->arena, (count + 1) * sizeof **ret_alerts);
        for (size_t i = 0; i < count; i++) {
            char path[32];
            (void)snprintf(path, sizeof path, "alerts[%zu]", i);
            fill_one(json_array_get(alerts, i), path, &(*ret_alerts)[i], violations);
        }
    }
    json_decref(root);
}

static struct text kept(struct arena *arena, struct buffer *buffer)
{
    const struct text text = {arena_copy(arena, buffer->bytes, buffer->length), buffer->length};
    buffer_release(buffer);
    return text;
}

/* Both: `components` for a template, `text` where none is mapped to the code. */
static struct text payload(const struct alert *alert, struct arena *arena)
{
    struct buffer text;
    buffer_init(&text, TEXT_BYTES_MAX);
    buffer_format(&text, alert->firing ? "🔔 *%s ALERT*: %s\n\n%s" : "✅ *%s*: %s\n\n%s", alert->severity,
                  alert->name, alert->description);
    struct buffer json;
    buffer_init(&json, PAYLOAD_BYTES_MAX);
    buffer_text(&json, "{\"text\":");
    buffer_json_string(&json, text.bytes, text.length);
    buffer_release(&text);
    const char *parameters[] = {alert->severity, alert->name, alert->description};
    for (size_t i = 0; i < COUNT_OF(parameters); i++) {
        buffer_text(&json, i ? "},{" : ",\"components\":[{\"type\":\"body\",\"parameters\":[{");
        buffer_text(&json, "\"type\":\"text\",\"text\":");
        buffer_json_string(&json, parameters[i], strlen(parameters[i]));
    }
    buffer_text(&json, "}]}]}");
    return kept(arena, &json);
}

/*
 * By this a repetition is known. Alertmanager gives a notification no name of its own: it repeats one that
 * was not answered, tells of all alerts of a group again when one is added, and reminds after its
 * repeat_interval. Only the last is meant to be heard again. So the time since the alert began counts in
 * steps, and a step has one message; none ends just when an alert begins, as one of the clock's hours might.
 */
static struct text idempotency_key(const struct alert *alert, int64_t now_us, int64_t repeat_ms,
                                   struct arena *arena)
{
    const int64_t age_ms = now_us > alert->starts_at_us ? (now_us - alert->starts_at_us) / 1000 : 0;
    struct buffer key;
    buffer_init(&key, IDEMPOTENCY_KEY_MAX);
    buffer_format(&key, "alert-%s-%lld-", alert->fingerprint, (long long)alert->starts_at_us);
    if (alert->firing) {
        buffer_format(&key, "firing-%lld", (long long)(age_ms / repeat_ms));
    } else {
        buffer_text(&key, "resolved");
    }
    return kept(arena, &key);
}

void alert_message(const struct alert *alert, const struct config *config, int64_t now_us,
                   struct arena *arena, struct new_message *message)
{
    message->org_id = text_of(config->default_org_id);
    message->dossier_id = 0;
    message->channel_name = text_of(channel_name(CHANNEL_WHATSAPP));
    message->priority = text_of(PRIORITY_URGENT);
    message->to = text_of(config->alert_recipient);
    message->template_code = text_of(config->alert_template);
    message->payload = payload(alert, arena);
    message->source = text_of(MESSAGE_SOURCE_HTTP);
    message->idempotency_key = idempotency_key(alert, now_us, config->alert_repeat_ms, arena);
    /* The key says all: a value in the description may have changed since, and it is the same alert. */
    message->has_request_hash = true;
    new_message_limit_age(message, now_us, EXPIRES_AFTER_MS);
    new_message_limit_age(message, now_us, config->message_max_age_ms);
}
