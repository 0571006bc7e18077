/*
 * ops_options.h - what the command line of `outbound ops` says, and the table of its commands.
 */
#ifndef SCHEMAS_OPS_OPTIONS_H
#define SCHEMAS_OPS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/error.h"

/* Those with a value are parameters of every statement: $1 for the first, as text, null when not given. */
enum ops_option {
    OPS_CHANNEL,
    OPS_ORG,
    OPS_ID,
    OPS_SINCE,
    OPS_OLDER_THAN,
    OPS_FOR,
    OPS_ATTEMPTS,
    OPS_EXCEPT_TEMPLATES,
    OPS_STATUS,
    OPS_LIMIT,
    OPS_PERCENT,
    OPS_TOPIC,
    OPS_VALUES, /* how many they are; the rest are switches */
    OPS_REQUEUE = OPS_VALUES,
    OPS_DRY_RUN,
    OPS_JSON,
    OPS_OPTIONS
};

#define OPS_BIT(option) (1U << (option))

struct ops_command {
    const char *name;
    const char *help;
    unsigned takes; /* OPS_BIT() of each option, beside --json */
    unsigned needs;
    unsigned changes_with;           /* with one of these it changes something; needs `change_needs` then */
    unsigned change_needs;           /* and finding nothing for their values is an error */
    const char *initial[OPS_VALUES]; /* values that need not be given */
    const char *read;                /* NULL: it always changes */
    const char *change;              /* NULL: it never does. Answers what was changed, no row for nothing */
};

extern const struct ops_command ops_commands[];
extern const size_t ops_command_count;

struct ops_request {
    const struct ops_command *command;
    const char *values[OPS_VALUES]; /* point into the command line, or are initial ones */
    unsigned given;
};

/* False: a sentence that names the word or the option. */
MUST_CHECK bool ops_parse(char **words, size_t count, struct ops_request *ret_request, struct error *error);

bool ops_changes(const struct ops_request *request);

/* "--older-than". */
const char *ops_option_name(enum ops_option option);

/* "TIME" and a sentence; NULL as the value of a switch. */
const char *ops_option_value(enum ops_option option);
const char *ops_option_help(enum ops_option option);

#endif
