/*
 * memory.h - allocation that cannot fail.
 *
 * A process that is out of memory stops: what it had accepted is durable, its supervisor starts it afresh,
 * and no half-working state has to be thought about anywhere.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

void *memory_new(size_t size); /* zeroed; free() it */
void *memory_resize(void *pointer, size_t size);
char *memory_strdup(const char *text);

#define NEW(type) ((type *)memory_new(sizeof(type)))
#define NEW_ARRAY(type, count) ((type *)memory_new(sizeof(type) * (count)))

#endif
