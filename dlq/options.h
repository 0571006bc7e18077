/*
 * options.h - what the command line of `outbound dlq` says.
 */
#ifndef DLQ_OPTIONS_H
#define DLQ_OPTIONS_H

#include <stdio.h>

#include "schemas/letter_filter.h"

enum dlq_verb { DLQ_CONSUME, DLQ_STATS, DLQ_LIST, DLQ_SHOW, DLQ_REPLAY, DLQ_ARCHIVE, DLQ_DISCARD, DLQ_VERBS };

struct dlq_options {
    enum dlq_verb verb;
    struct letter_filter filter;
    int64_t rate; /* letters a second; 0: as fast as it goes */
    bool dry_run;
    bool force;
    bool all;
    bool json;
};

/* `now_us`: Unix time, for ages. False: a sentence that names the word or the option. */
MUST_CHECK bool dlq_options_parse(char **arguments, size_t count, int64_t now_us,
                                  struct dlq_options *ret_options, struct error *error);

#endif
