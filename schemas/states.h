/*
 * states.h - the states of states.def.
 */
#ifndef SCHEMAS_STATES_H
#define SCHEMAS_STATES_H

#include <stdbool.h>
#include <stdio.h>

#include "base/attributes.h"
#include "base/text.h"

enum state {
#define STATE(id, ...) STATE_##id,
#define CHANGE(...)
#include "schemas/states.def"
#undef STATE
#undef CHANGE
    STATE_COUNT
};

/* "QUEUED": in SQL, in the API; metrics have it in lower case. */
const char *state_name(enum state state);

/* False when no state has this name. */
MUST_CHECK bool state_find(struct text name, enum state *ret_state);

bool state_may_change(enum state from, enum state to);

void states_print_markdown(FILE *out);

#endif
