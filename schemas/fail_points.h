/*
 * fail_points.h - the names of all fail points (fail_points.def), for the builds that have them.
 */
#ifndef SCHEMAS_FAIL_POINTS_H
#define SCHEMAS_FAIL_POINTS_H

#include <stdbool.h>

#include "base/error.h"

#ifdef OUTBOUND_FAIL_POINTS

/* Sets what the environment asks for. False when there is no such fail point. */
MUST_CHECK bool fail_points_set(struct error *error);

#else

static inline bool fail_points_set(struct error *error)
{
    (void)error;
    return true;
}

#endif

#endif
