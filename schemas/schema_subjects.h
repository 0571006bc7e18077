/*
 * schema_subjects.h - which topics have a schema, and which subject of the registry.
 */
#ifndef SCHEMAS_SCHEMA_SUBJECTS_H
#define SCHEMAS_SCHEMA_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "schemas/avro_schemas.h"
#include "schemas/topics.h"

#define SUBJECT_SIZE 128

/* The names of the topics that have it as their schema; how many they are. */
size_t schema_topics(enum schema schema, const char *ret_topics[TOPIC_COUNT + 1]);

/* False: it is not shared with other services, and has no subject. */
bool schema_subject(enum schema schema, char ret_subject[SUBJECT_SIZE]);

#endif
