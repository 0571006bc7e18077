/*
 * letter_filter.h - which dead letters are meant: one table of names for the command line and for HTTP.
 */
#ifndef SCHEMAS_LETTER_FILTER_H
#define SCHEMAS_LETTER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/pg_params.h"

#define LETTER_IDS_MAX 1000
#define LETTER_LIMIT_MAX 1000000000

/* All zero: every letter. Strings belong to the caller, or are static. */
struct letter_filter {
    const char *status;
    const char *channel;
    const char *code;
    const char *org;
    bool has_since;
    bool has_until;
    int64_t since_us; /* Unix time; not before */
    int64_t until_us; /* before */
    int64_t before;   /* id; only letters with a smaller one. 0: all */
    int64_t limit;    /* the most that are wanted. 0: all */
    /* `id`: a letter's number, or a message's UUID, which stands for its latest letter. */
    size_t letter_id_count;
    size_t message_id_count;
    int64_t letter_ids[LETTER_IDS_MAX];
    struct uuid message_ids[LETTER_IDS_MAX];
};

/* Whether there is a filter of this name: status, channel, code, org, since, until, id, before, limit. */
bool letter_filter_knows(const char *name);

/*
 * Sets the filter `name`, which must be known; `id` adds to those given before. `now_us`: Unix time, for ages
 * like "2h". False: what the value must be; it completes a sentence that starts with the name.
 */
MUST_CHECK bool letter_filter_set(struct letter_filter *filter, const char *name, const char *value,
                                  int64_t now_us, struct error *error);

/* What one filter cannot tell about another; called when all are set. The error begins with a filter's name.
 */
MUST_CHECK bool letter_filter_check(const struct letter_filter *filter, struct error *error);

/* Whether anything narrows the letters down (limit does not). */
bool letter_filter_is_given(const struct letter_filter *filter);

/* $1 to $7 of the statements about letters (sql_parts.h). `status` wins over the filter's. */
void letter_filter_params(const struct letter_filter *filter, const char *status, struct pg_params *params);

#endif
