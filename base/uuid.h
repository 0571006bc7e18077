/*
 * uuid.h - UUIDs as 16 bytes and as the 36 characters of RFC 9562.
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

#define UUID_TEXT_SIZE 37 /* with its NUL */

struct uuid {
    unsigned char bytes[16];
};

/*
 * A version 7 UUID (RFC 9562, section 5.7): 48 bits of milliseconds, a 12-bit counter that keeps the ids of
 * one process in order within a millisecond, 62 random bits. Neighbours in time are neighbours in an index.
 */
struct uuid uuid_v7(void);

/* A version 4 UUID: random, for ids that should say nothing. */
struct uuid uuid_v4(void);

void uuid_format(const struct uuid *uuid, char ret_text[UUID_TEXT_SIZE]);

/* Accepts exactly the 8-4-4-4-12 form, either case. */
MUST_CHECK bool uuid_parse(const char *text, size_t length, struct uuid *ret_uuid);

#endif
