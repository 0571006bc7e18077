/*
 * error.h - an error is a sentence for the person who has to act on it.
 *
 * A function that can fail returns false and fills the caller's `struct error`. It does not log: whoever
 * handles the error logs it, once, with the ids that matter there.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

#include "base/attributes.h"

struct error {
    char text[512]; /* NUL-terminated, cut when longer */
};

/* Writes the sentence. Always returns false, so that `return error_set(error, …)` ends a failing function. */
bool error_set(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
