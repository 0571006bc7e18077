#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"

#define SELDOM_MS 60000
#define LINE_LIMIT ((size_t)16 * 1024)

static struct log_options current = {
    .level = LOG_INFO, .service = "outbound", .environment = "development", .role = "outbound"};

static const char *const level_names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};

void log_configure(const struct log_options *options)
{
    current = *options;
}

bool log_wants(enum log_level level)
{
    return level >= current.level;
}

static void member(struct buffer *line, const char *key, const char *value)
{
    buffer_text(line, line->length > 1 ? "," : "");
    buffer_json_string(line, key, strlen(key));
    buffer_text(line, ":");
    buffer_json_string(line, value, strlen(value));
}

static void write_json(struct buffer *line, enum log_level level, const char *time,
                       const struct log_field *fields, const char *message)
{
    buffer_text(line, "{");
    member(line, "@timestamp", time);
    member(line, "level", level_names[level]);
    member(line, "logger", current.role);
    member(line, "message", message);
    member(line, "service", current.service);
    member(line, "env", current.environment);
    for (const struct log_field *field = fields; field && field->key; field++) {
        if (field->value) {
            member(line, field->key, field->value);
        }
    }
    buffer_text(line, "}\n");
}

static void write_text(struct buffer *line, enum log_level level, const char *time,
                       const struct log_field *fields, const char *message)
{
    buffer_format(line, "%.10s %.12s %-5s [%d] %s ›", time, time + 11, level_names[level], (int)getpid(),
                  current.role);
    for (const struct log_field *field = fields; field && field->key; field++) {
        if (field->value) {
            buffer_format(line, " [%s=%s]", field->key, field->value);
        }
    }
    buffer_format(line, " %s\n", message);
}

static void write_line(enum log_level level, const struct log_field *fields, const char *format, va_list args)
{
    char message[2048];
    (void)vsnprintf(message, sizeof message, format, args);
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(clock_wall_ms(), time);

    struct buffer line;
    buffer_init(&line, LINE_LIMIT);
    (current.json ? write_json : write_text)(&line, level, time, fields, message);
    if (write(STDERR_FILENO, line.bytes, line.length) < 0) {
        /* Nowhere is left to say so. */
    }
    buffer_release(&line);
}

void log_write(enum log_level level, const struct log_field *fields, const char *format, ...)
{
    if (log_wants(level)) {
        va_list args;
        va_start(args, format);
        write_line(level, fields, format, args);
        va_end(args);
    }
}

void log_seldom(struct log_seldom *last, const char *format, ...)
{
    const int64_t now_ms = clock_monotonic_ms();
    const bool quiet = last->said_ms && now_ms - last->said_ms < SELDOM_MS;
    if (!quiet) {
        last->said_ms = now_ms;
    }
    const enum log_level level = quiet ? LOG_DEBUG : LOG_WARN;
    if (log_wants(level)) {
        va_list args;
        va_start(args, format);
        write_line(level, NULL, format, args);
        va_end(args);
    }
}
