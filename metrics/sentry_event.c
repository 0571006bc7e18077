#include "metrics/sentry_event.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "base/uuid.h"

#define EVENT_MAX ((size_t)256 * 1024)

const char *log_line_field(const struct log_line *line, const char *key)
{
    for (const struct log_field *field = line->fields; field->key; field++) {
        if (strcmp(field->key, key) == 0) {
            return field->value;
        }
    }
    return NULL;
}

/* Cut where it is too long, but not within a character. */
static void copy(char *ret, size_t size, const char *text)
{
    const size_t length = text ? strlen(text) : 0;
    const size_t taken = length < size ? length : size - 1;
    memcpy(ret, text ? text : "", taken);
    ret[taken] = '\0';
    if (taken < length) {
        utf8_repair(ret);
    }
}

void breadcrumbs_add(struct breadcrumbs *breadcrumbs, const struct log_line *line)
{
    struct breadcrumb *item = &breadcrumbs->items[breadcrumbs->next];
    breadcrumbs->next = (breadcrumbs->next + 1) % BREADCRUMBS_MAX;
    if (breadcrumbs->count < BREADCRUMBS_MAX) {
        breadcrumbs->count++;
    }
    item->wall_ms = line->wall_ms;
    item->level = line->level;
    copy(item->message, sizeof item->message, line->message);
    copy(item->message_id, sizeof item->message_id, log_line_field(line, "messageId"));
    copy(item->error_code, sizeof item->error_code, log_line_field(line, "errorCode"));
}

static void string(struct buffer *into, const char *text)
{
    buffer_json_string(into, text, strlen(text));
}

/* `,"key":"value"`; nothing without a value. Keys are ours. */
static void member(struct buffer *into, const char *key, const char *value)
{
    if (value && *value) {
        buffer_format(into, ",\"%s\":", key);
        string(into, value);
    }
}

static const char *level_text(enum log_level level)
{
    static const char *const names[] = {"debug", "debug", "info", "warning", "error"};
    return names[level];
}

static void write_time(struct buffer *into, const char *before, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(wall_ms, time);
    buffer_format(into, "%s\"%s\"", before, time);
}

/* correlationId is the tag correlation_id. */
static void write_tag_name(struct buffer *into, const char *key)
{
    buffer_append(into, "\"", 1);
    for (; *key; key++) {
        const char lower = (char)tolower((unsigned char)*key);
        buffer_append(into, "_", lower == *key ? 0 : 1);
        buffer_append(into, &lower, 1);
    }
    buffer_append(into, "\":", 2);
}

static void write_tags(struct buffer *into, const struct log_line *line)
{
    buffer_text(into, ",\"tags\":{");
    for (const struct log_field *field = line->fields; field->key; field++) {
        buffer_append(into, ",", field == line->fields ? 0 : 1);
        write_tag_name(into, field->key);
        string(into, field->value);
    }
    buffer_text(into, "}");
}

static void write_breadcrumb(struct buffer *into, const struct breadcrumb *item, const char *category)
{
    write_time(into, "{\"timestamp\":", item->wall_ms);
    member(into, "level", level_text(item->level));
    member(into, "category", category);
    member(into, "message", item->message);
    if (*item->message_id) {
        buffer_text(into, ",\"data\":{\"message_id\":");
        string(into, item->message_id);
        member(into, "error_code", item->error_code);
        buffer_text(into, "}");
    }
    buffer_text(into, "}");
}

static void write_breadcrumbs(struct buffer *into, const struct breadcrumbs *breadcrumbs,
                              const char *category)
{
    buffer_text(into, ",\"breadcrumbs\":{\"values\":[");
    const size_t oldest = breadcrumbs->next + BREADCRUMBS_MAX - breadcrumbs->count;
    for (size_t i = 0; i < breadcrumbs->count; i++) {
        buffer_append(into, ",", i > 0 ? 1 : 0);
        write_breadcrumb(into, &breadcrumbs->items[(oldest + i) % BREADCRUMBS_MAX], category);
    }
    buffer_text(into, "]}");
}

/* 32 hexadecimal digits. */
static void make_id(char ret_id[UUID_TEXT_SIZE])
{
    const struct uuid uuid = uuid_v4();
    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        (void)snprintf(ret_id + 2 * i, 3, "%02x", uuid.bytes[i]);
    }
}

static void write_payload(const struct event_source *source, const struct log_line *line,
                          const char *event_id, const struct breadcrumbs *breadcrumbs, unsigned unreported,
                          struct buffer *into)
{
    const char *code = log_line_field(line, "errorCode");
    const char *org = log_line_field(line, "orgId");
    buffer_format(into, "{\"event_id\":\"%s\"", event_id);
    write_time(into, ",\"timestamp\":", line->wall_ms);
    member(into, "platform", "c");
    member(into, "level", level_text(line->level));
    member(into, "logger", source->logger);
    member(into, "server_name", source->server_name);
    member(into, "release", source->release);
    member(into, "environment", source->environment);
    buffer_text(into, ",\"logentry\":{\"message\":");
    string(into, line->format);
    member(into, "formatted", line->message);
    buffer_text(into, "},\"fingerprint\":[");
    string(into, line->format);
    buffer_text(into, ",");
    string(into, code ? code : "");
    buffer_text(into, "]");
    write_tags(into, line);
    if (org) {
        buffer_text(into, ",\"user\":{\"id\":");
        string(into, org);
        buffer_text(into, "}");
    }
    if (unreported > 0) {
        buffer_format(into, ",\"extra\":{\"unreported before\":%u}", unreported);
    }
    write_breadcrumbs(into, breadcrumbs, source->logger);
    buffer_text(into, "}");
}

void sentry_event_write(const struct event_source *source, const struct log_line *line,
                        const struct breadcrumbs *breadcrumbs, unsigned unreported, struct buffer *into)
{
    char event_id[UUID_TEXT_SIZE];
    make_id(event_id);
    struct buffer payload;
    buffer_init(&payload, EVENT_MAX);
    write_payload(source, line, event_id, breadcrumbs, unreported, &payload);
    buffer_format(into, "{\"event_id\":\"%s\"", event_id);
    write_time(into, ",\"sent_at\":", clock_wall_ms());
    buffer_format(into, "}\n{\"type\":\"event\",\"length\":%zu}\n", payload.length);
    buffer_append(into, payload.bytes, payload.length);
    buffer_append(into, "\n", 1);
    buffer_release(&payload);
}
