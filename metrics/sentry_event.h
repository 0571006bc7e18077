/*
 * sentry_event.h - an error of the log as Sentry has it: an event in an envelope, with the lines before it as
 * breadcrumbs (https://develop.sentry.dev/sdk/foundations/transport/envelopes/).
 */
#ifndef METRICS_SENTRY_EVENT_H
#define METRICS_SENTRY_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/log.h"

#define BREADCRUMBS_MAX 100
#define BREADCRUMB_TEXT_MAX 256

struct breadcrumb {
    int64_t wall_ms;
    enum log_level level;
    char message[BREADCRUMB_TEXT_MAX];
    char message_id[40]; /* "": about no message */
    char error_code[40];
};

/* The last lines, in a ring. All zero: none. */
struct breadcrumbs {
    struct breadcrumb items[BREADCRUMBS_MAX];
    size_t next;
    size_t count;
};

void breadcrumbs_add(struct breadcrumbs *breadcrumbs, const struct log_line *line);

/* What all events of a process have in common. */
struct event_source {
    const char *environment;
    const char *release; /* e.g. "outbound@0.1.0" */
    const char *logger;  /* the role */
    const char *server_name;
};

/*
 * Appends the envelope of the event. Lines of one kind (one format string, one errorCode) are one issue.
 * `unreported`: how many more of this kind there were that were not reported.
 */
void sentry_event_write(const struct event_source *source, const struct log_line *line,
                        const struct breadcrumbs *breadcrumbs, unsigned unreported, struct buffer *into);

/* The value of a field of the line, or NULL. */
const char *log_line_field(const struct log_line *line, const char *key);

#endif
