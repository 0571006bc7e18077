/*
 * log.h - one event, one line on standard error.
 *
 * Two formats: text for people at a terminal, JSON (one object a line) for machines. Never put a recipient
 * or a body into a line; ids are what joins a line to a message.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* An id that the line carries, e.g. {"messageId", "0197…"}. A list of them ends with a NULL key. */
struct log_field {
    const char *key;
    const char *value; /* NULL: the field is left out */
};

struct log_options {
    enum log_level level;
    bool json;
    const char *service;     /* e.g. "outbound"; the strings must outlive the process's logging */
    const char *environment; /* e.g. "production" */
    const char *role;        /* e.g. "sender": stands where other systems have the logger's name */
};

/* Called once, before anything is logged; without it lines are text at INFO. */
void log_configure(const struct log_options *options);

/* `fields` may be NULL. The line is written in one write(2), so lines of several processes do not mix. */
void log_write(enum log_level level, const struct log_field *fields, const char *format, ...)
    PRINTF_LIKE(3, 4);

/*
 * For what may come again and again: a warning at most once a minute, otherwise a line at DEBUG. `last` is
 * the caller's to keep, all zero at first and when the trouble is over.
 */
struct log_seldom {
    int64_t said_ms;
};

void log_seldom(struct log_seldom *last, const char *format, ...) PRINTF_LIKE(2, 3);

bool log_wants(enum log_level level);

#define log_debug(...) log_write(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, NULL, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, NULL, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, NULL, __VA_ARGS__)

#endif
