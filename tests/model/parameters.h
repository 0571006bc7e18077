/*
 * parameters.h - the parameters of a statement, read as PostgreSQL reads them: in its binary format.
 */
#ifndef MODEL_PARAMETERS_H
#define MODEL_PARAMETERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pg_params.h"
#include "base/text.h"

/* An int4 or int8; 0 for null. */
int64_t number_of(struct text value);

/* $number as bytes, NULL bytes for null; as a number. */
struct text param(const struct pg_params *params, int number);
int64_t param_int(const struct pg_params *params, int number);

/* Whether $number, an array of texts, has this one. */
bool param_has(const struct pg_params *params, int number, const char *name);

/* An array, element by element: all arrays of a statement are walked in step. */
struct array {
    const char *at;
    int32_t left;
};

struct array array_of(const struct pg_params *params, int number);

/* The next element, or null when there is none any more; as a number, 0 for null; as an id, which is there.
 */
struct text array_next(struct array *array);
int64_t array_next_int(struct array *array);
struct uuid array_next_uuid(struct array *array);

#endif
