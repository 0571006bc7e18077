/*
 * asyncapi.h - the topics that other services may use, as an AsyncAPI 3.0 document (docs/asyncapi.yaml).
 *
 * Names, partitions and retention come from topics.def, payloads are the schemas of avro_schemas.def.
 */
#ifndef SCHEMAS_ASYNCAPI_H
#define SCHEMAS_ASYNCAPI_H

#include <stdio.h>

void asyncapi_print(FILE *out);

#endif
