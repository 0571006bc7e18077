/*
 * answer_json.h - what stands in the JSON of a provider's answer, which may be anything, or nothing at all.
 */
#ifndef SENDERS_ANSWER_JSON_H
#define SENDERS_ANSWER_JSON_H

#include <jansson.h>

#define NO_NUMBER (-1)

/* The string that an object has as its member `name`; "" when there is none. It is the object's. */
const char *answer_text(const json_t *object, const char *name);

/* The same for a whole number from 0 to INT_MAX; NO_NUMBER when there is none. */
int answer_number(const json_t *object, const char *name);

#endif
