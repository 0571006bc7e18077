/*
 * name_filter.h - which names of groups or topics are shown: OUTBOUND_EXPORTER_GROUPS,
 * OUTBOUND_EXPORTER_TOPICS.
 */
#ifndef METRICS_EXPORTER_NAME_FILTER_H
#define METRICS_EXPORTER_NAME_FILTER_H

#include <regex.h>
#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"

struct name_filter {
    bool all;
    regex_t pattern;
};

/* `pattern` is a POSIX extended regular expression for the whole name; "" lets all through. */
MUST_CHECK bool name_filter_init(struct name_filter *filter, const char *pattern, struct error *error);
void name_filter_release(struct name_filter *filter);

bool name_filter_takes(const struct name_filter *filter, const char *name);

#endif
