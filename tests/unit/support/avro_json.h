/*
 * avro_json.h - what avro-c, which shares no code with us, makes of a datum.
 */
#ifndef TESTS_UNIT_SUPPORT_AVRO_JSON_H
#define TESTS_UNIT_SUPPORT_AVRO_JSON_H

#include <stddef.h>

#include "schemas/avro_schemas.h"

/* It reads all of the datum, and that is `json` (Avro's JSON encoding). */
void expect_avro_json(enum schema schema, const void *datum, size_t length, const char *json);

#endif
