/*
 * json_lines.h - a file of JSON lines, read one by one, so that its size does not matter.
 */
#ifndef SANDBOX_PROOF_JSON_LINES_H
#define SANDBOX_PROOF_JSON_LINES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"

/* False, with the end of a sentence, when the line must not be like that. `line` is an object. */
typedef bool json_line_fn(void *arg, const json_t *line, struct error *error);

/*
 * Hands each line to `take`. Passed over are lines that whoever wrote them was killed in the middle of: the
 * last one without an end, and those that do not end an object. False, naming file and line: it cannot be
 * read, a line is no JSON object, or `take` does not want it.
 */
MUST_CHECK bool json_lines_read(const char *path, json_line_fn *take, void *arg, struct error *error);

#endif
