/*
 * pairs.h - lists such as "name=value,name=value", as OpenTelemetry's variables have them.
 *
 * Blanks around names and values do not count; in values %XX stands for a byte.
 */
#ifndef BASE_PAIRS_H
#define BASE_PAIRS_H

#include <stdbool.h>

#include "base/attributes.h"

#define PAIRS_LENGTH_MAX 8192 /* of a whole list */

/* One of them. False ends the walk. Both are valid until it returns. */
typedef bool pair_fn(void *arg, const char *name, const char *value);

/*
 * Calls `take` for each pair, in order. False: the list is too long or malformed, a control character stands
 * in it, or `take` said so.
 */
MUST_CHECK bool pairs_each(const char *list, pair_fn *take, void *arg);

#endif
