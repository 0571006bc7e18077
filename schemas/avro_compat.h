/*
 * avro_compat.h - whether one Avro schema reads what another one wrote.
 *
 * The rules are those of the Avro specification, "Schema Resolution": what resolves whatever the datum is, is
 * compatible.
 */
#ifndef SCHEMAS_AVRO_COMPAT_H
#define SCHEMAS_AVRO_COMPAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/error.h"

/* `path`: the part of the reader's schema, such as "MessageRequest.expiresAt[long]"; `what`: why it cannot be
 * read. */
typedef void avro_compat_fn(void *arg, const char *path, const char *what);

/*
 * Calls `report` for each reason why `reader` cannot read what `writer` wrote, and counts them: 0 means that
 * it can. False, in words, when one of the two is not a schema.
 */
MUST_CHECK bool avro_compat(const char *reader, const char *writer, avro_compat_fn *report, void *arg,
                            size_t *ret_count, struct error *error);

#endif
