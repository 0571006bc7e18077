/*
 * events.h - which changes of a message's status are told in outbound.events (OUTBOUND_EVENTS).
 */
#ifndef SCHEMAS_EVENTS_H
#define SCHEMAS_EVENTS_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/pg_params.h"
#include "schemas/config.h"
#include "schemas/states.h"

/* False: the setting is neither all nor off nor a list of statuses; `error` names what is wrong. */
MUST_CHECK bool events_check(const struct config *config, struct error *error);

/* Nothing is told. */
bool events_are_off(const struct config *config);

bool events_want(const struct config *config, enum state state);

/* The parameter by which a statement knows what to tell: the statuses that are wanted (array). */
void events_param(const struct config *config, struct pg_params *params);

#endif
