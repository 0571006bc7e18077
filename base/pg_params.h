/*
 * pg_params.h - the parameters of a statement in PostgreSQL's binary format.
 *
 * A batch goes to the server as one statement whose parameters are arrays, one per column: build each with
 * pg_array_begin(), one element per row, pg_array_end().
 */
#ifndef BASE_PG_PARAMS_H
#define BASE_PG_PARAMS_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/uuid.h"

#define PG_PARAMS_MAX 24

/* Object ids of the element types (src/include/catalog/pg_type.dat in PostgreSQL). */
enum pg_type {
    PG_BYTEA = 17,
    PG_INT8 = 20,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_JSON = 114,
    PG_TIMESTAMPTZ = 1184,
    PG_UUID = 2950,
};

struct pg_params {
    struct buffer bytes;
    int count;
    size_t offsets[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX]; /* -1: SQL's null */
    size_t element_count_at;    /* where the open array counts its elements */
    int32_t element_count;
};

/* `limit`: the most bytes all parameters may take together; more sets bytes.overflow, and pg_call() refuses.
 */
void pg_params_init(struct pg_params *params, size_t limit);
void pg_params_release(struct pg_params *params);
void pg_params_clear(struct pg_params *params);

void pg_param_int4(struct pg_params *params, int32_t value);
void pg_param_int8(struct pg_params *params, int64_t value);
void pg_param_text(struct pg_params *params, const char *text); /* NULL: SQL's null */
void pg_param_uuid(struct pg_params *params, const struct uuid *uuid);
/* Microseconds since 1970. */
void pg_param_timestamp(struct pg_params *params, int64_t unix_us);
void pg_param_null(struct pg_params *params);

void pg_array_begin(struct pg_params *params, enum pg_type element_type);
void pg_array_null(struct pg_params *params);
void pg_array_int4(struct pg_params *params, int32_t value);
void pg_array_int8(struct pg_params *params, int64_t value);
void pg_array_uuid(struct pg_params *params, const struct uuid *uuid);
/* For PG_TEXT, PG_JSON and PG_BYTEA. NULL bytes: SQL's null. */
void pg_array_bytes(struct pg_params *params, const char *bytes, size_t length);
void pg_array_text(struct pg_params *params, const char *text);
/* Microseconds since 1970 in, which PostgreSQL counts from 2000. */
void pg_array_timestamp(struct pg_params *params, int64_t unix_us);
void pg_array_end(struct pg_params *params);

#endif
