#include "metrics/exporter/name_filter.h"

#include "base/buffer.h"

#define PATTERN_MAX ((size_t)64 * 1024)

bool name_filter_init(struct name_filter *filter, const char *pattern, struct error *error)
{
    filter->all = *pattern == '\0';
    if (filter->all) {
        return true;
    }
    struct buffer whole;
    buffer_init(&whole, PATTERN_MAX);
    buffer_format(&whole, "^(%s)$", pattern);
    const int refused =
        whole.overflow ? REG_ESPACE : regcomp(&filter->pattern, whole.bytes, REG_EXTENDED | REG_NOSUB);
    buffer_release(&whole);
    if (refused) {
        char reason[128];
        filter->all = true; /* there is nothing to release */
        (void)regerror(refused, NULL, reason, sizeof reason);
        return error_set(error, "\"%s\" is not a POSIX extended regular expression: %s", pattern, reason);
    }
    return true;
}

void name_filter_release(struct name_filter *filter)
{
    if (!filter->all) {
        regfree(&filter->pattern);
    }
}

bool name_filter_takes(const struct name_filter *filter, const char *name)
{
    return filter->all || regexec(&filter->pattern, name, 0, NULL, 0) == 0;
}
