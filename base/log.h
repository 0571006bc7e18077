/*
 * log.h - one event, one line on standard error.
 *
 * Two formats: text for people at a terminal, JSON (one object a line) for machines; docs/logs.md shows both.
 * Never put a recipient or a body into a line; ids are what joins a line to a message. What looks like an
 * e-mail address or a phone number in a message is masked all the same: others' words are in some of them.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

/*
 * ERROR: somebody has to do something. WARN: something is worse than it should be, and may pass. INFO: what
 * became of a message, and of the process. DEBUG: why. TRACE: each step.
 */
enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* An id that the line carries, e.g. {"messageId", "0197…"}. A list of them ends with a NULL key. */
struct log_field {
    const char *key;
    const char *value; /* NULL or "": the field is left out */
};

#define LOG_FIELDS_MAX 8 /* in one list; more are left out */

/* The strings must outlive the process's logging. */
struct log_options {
    enum log_level level;
    bool json;
    const char *service;     /* e.g. "outbound" */
    const char *environment; /* e.g. "production" */
    const char *role;        /* e.g. "sender": stands where other systems have the logger's name */
    const char *worker_type; /* e.g. "outbound-sender"; NULL: the lines have none */
    const char *thread;      /* e.g. "outbound-sender-email"; our pid is added */
};

/* Called once, before anything is logged; without it lines are text at INFO. */
void log_configure(const struct log_options *options);

/*
 * `fields` may be NULL. A line without a correlationId gets one: "msg-{messageId}-{uuid}" when it is about a
 * message, else "worker-{uuid}"; the UUID is this process's. A line is never divided between two write(2), so
 * lines of several processes do not mix. Any thread may call it.
 */
void log_write(enum log_level level, const struct log_field *fields, const char *format, ...)
    PRINTF_LIKE(3, 4);

/*
 * From now on lines of this thread below WARN wait for log_flush(), PIPE_BUF bytes of them at most (what is
 * longer than that would mix with others' in a pipe). For a thread that writes a line for each message: one
 * write(2) costs more than the line. Who calls this flushes after each turn of its work, and ends with
 * log_keep(false). What waits is lost when the process is killed or aborts.
 */
void log_keep(bool on);
void log_flush(void);

/*
 * For what may come again and again: a warning at most once a minute, otherwise a line at DEBUG. `last` is
 * the caller's to keep, all zero at first and when the trouble is over.
 */
struct log_seldom {
    int64_t said_ms;
};

void log_seldom(struct log_seldom *last, const char *format, ...) PRINTF_LIKE(2, 3);

/* Whether a line of this level reaches anybody: to spare the work of making one. */
bool log_wants(enum log_level level);

/* Makes the log tell one level more (-1) or less (+1), as far as there is one, and says so in the log. */
void log_change_level(int steps);

/* "trace" to "error". False: there is no such level. */
MUST_CHECK bool log_level_named(const char *name, enum log_level *ret_level);
const char *log_level_name(enum log_level level);

/* How many lines of a level were written so far. */
uint64_t log_lines(enum log_level level);

/* A line as a listener gets it; valid during the call. */
struct log_line {
    enum log_level level;
    int64_t wall_ms;
    const struct log_field *fields; /* those that the line carries, none of them empty */
    const char *format;             /* the same for all lines of a kind; for "%s" the message itself */
    const char *message;            /* masked, valid UTF-8 */
};

/*
 * From now on `listener(arg, …)` is called for each line of `level` or above, written or not. There is one at
 * most; NULL takes it away. It is called from whichever thread logs, one call at a time, and must not log.
 */
typedef void log_listener_fn(void *arg, const struct log_line *line);
void log_listen(enum log_level level, log_listener_fn *listener, void *arg);

#define log_trace(...) log_write(LOG_TRACE, NULL, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, NULL, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, NULL, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, NULL, __VA_ARGS__)

#endif
