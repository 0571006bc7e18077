/*
 * What a process has around it and what decides nothing: log, metrics' servers, chance. The log's lines
 * become part of the story.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/watch.h"
#include "metrics/observe.h"
#include "metrics/sentry.h"
#include "tests/model/world.h"

void log_write(enum log_level level, const struct log_field *fields, const char *format, ...)
{
    (void)fields;
    if (world_is_told()) {
        char text[512];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        tell("  log %d: %s", (int)level, text);
    }
}

void log_seldom(struct log_seldom *last, const char *format, ...)
{
    (void)last;
    if (world_is_told()) {
        char text[512];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        tell("  log: %s", text);
    }
}

bool log_wants(enum log_level level)
{
    (void)level;
    return world_is_told();
}

void log_change_level(int steps)
{
    (void)steps;
}

void log_keep(bool on)
{
    (void)on;
}

void log_flush(void)
{
}

void random_bytes(void *ret_bytes, size_t size)
{
    unsigned char *bytes = ret_bytes;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)chance(256);
    }
}

void watch_set(const struct watch *watch)
{
    (void)watch;
}

void watch_statement(const struct pg_statement *statement, int64_t duration_us)
{
    (void)statement;
    (void)duration_us;
}

void watch_connection(int change)
{
    (void)change;
}

void watch_record_sent(const char *topic, const char *error)
{
    (void)topic;
    (void)error;
}

void watch_record_consumed(const char *group_id, const char *topic)
{
    (void)group_id;
    (void)topic;
}

struct observe *observe_open(const struct observe_options *options)
{
    (void)options;
    return NULL;
}

void observe_close(struct observe *observe)
{
    (void)observe;
}

void observe_process(struct metrics *metrics)
{
    (void)metrics;
}

void sentry_attach(uv_loop_t *loop)
{
    (void)loop;
}

void sentry_detach(void)
{
}
