/*
 * schemas_check.h - whether the schemas of the executable go with those that are out in the world.
 */
#ifndef SCHEMAS_SCHEMAS_CHECK_H
#define SCHEMAS_SCHEMAS_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "schemas/registry_wait.h"

#define RELEASED_DEFAULT "schemas/avro/released"

/* Prints a line, or a JSON object, for each comparison, and counts the schemas' flaws. */
struct schemas_check {
    bool json;
    size_t flaws;
};

/*
 * Each schema against its newest version in `folder`, NAME.N.avsc: new must read what old wrote, and old what
 * new writes. False when the folder cannot be read.
 */
MUST_CHECK bool schemas_check_released(struct schemas_check *check, const char *folder, struct error *error);

/* Each schema that has a subject against the subject's newest version, by the same rules and by the
 * registry's own. */
void schemas_check_registry(struct schemas_check *check, struct registry_session *session);

#endif
