/*
 * avro_bounds.h - passes over a value of any schema, and looks at every byte of it before anybody trusts it.
 *
 * avro-c 1.11.1 believes a datum: a recursive schema overflows its stack, six bytes of array<null> become
 * gigabytes, a length is allocated before it is compared with what is there, strings may be anything. Here
 * lengths, counts, block sizes, branches, enum indexes, booleans and the UTF-8 of strings are checked, and a
 * value costs no memory and no more time than its bytes warrant.
 */
#ifndef SCHEMAS_AVRO_BOUNDS_H
#define SCHEMAS_AVRO_BOUNDS_H

#include <avro.h>

#include "base/attributes.h"
#include "schemas/avro_read.h"

#define AVRO_DEPTH_MAX 64 /* values within values */

/*
 * Steps that are left. Schemas can make much of nothing (records of records of null have no bytes at all), so
 * the work is bounded by the bytes, not by the schema.
 */
struct avro_budget {
    size_t steps;
};

struct avro_budget avro_budget_for(size_t length);

/*
 * Moves the cursor behind the value. NULL, or what is wrong with it, which completes a sentence that starts
 * with the field; then the cursor has failed.
 */
MUST_CHECK const char *avro_pass(struct avro_cursor *cursor, avro_schema_t schema,
                                 struct avro_budget *budget);

#endif
