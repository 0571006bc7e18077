/*
 * errors.h - the error codes of errors.def.
 */
#ifndef SCHEMAS_ERRORS_H
#define SCHEMAS_ERRORS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/text.h"

enum error_code {
    ERROR_NONE,
#define CODE(id, ...) ERROR_##id,
#include "schemas/errors.def"
#undef CODE
    ERROR_CODE_COUNT
};

enum error_remedy { PERMANENT, RETRYABLE };
enum error_scope { MESSAGE, DESTINATION, ACCOUNT, PROCESS, RECORD };

struct error_row {
    const char *name; /* NULL for ERROR_NONE */
    enum error_remedy remedy;
    enum error_scope scope;
    bool may_be_delivered;
    const char *help;
};

const struct error_row *error_row(enum error_code code);

/* What a code means, by its name; "" for one that is not known. */
const char *error_meaning(struct text name);

void errors_print_markdown(FILE *out);

#endif
