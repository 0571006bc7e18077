/*
 * random.h - bytes that nobody can guess.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

/* At most 4096. Any thread may call it. */
void random_bytes(void *ret_bytes, size_t size);

#endif
