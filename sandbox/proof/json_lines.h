/*
 * json_lines.h - a file of JSON lines, read one by one, so that its size does not matter.
 */
#ifndef SANDBOX_PROOF_JSON_LINES_H
#define SANDBOX_PROOF_JSON_LINES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/* False, with the end of a sentence, when the line must not be like that. `line` is an object. */
typedef bool json_line_fn(void *arg, const json_t *line, struct error *error);

/*
 * Hands each line to `take`. The last one may have no end, if whoever wrote it was killed or is still
 * writing: it is passed over, and counted in `ret_cut`. NULL: it must not. False, naming file and line: it
 * cannot be read, a line is no JSON object or has no end, or `take` does not want it.
 */
MUST_CHECK bool json_lines_read(const char *path, json_line_fn *take, void *arg, int64_t *ret_cut,
                                struct error *error);

#endif
