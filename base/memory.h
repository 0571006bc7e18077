/*
 * memory.h - allocation that cannot fail.
 *
 * A process that is out of memory stops: what it had accepted is durable, its supervisor starts it afresh,
 * and no half-working state has to be thought about anywhere.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Says so, and ends the process. */
_Noreturn void memory_stop(void);

/* All are the caller's to free(). */
void *memory_alloc(size_t size); /* as it comes */
void *memory_new(size_t size);   /* zeroed */
void *memory_new_array(size_t count, size_t size);
void *memory_resize(void *pointer, size_t size);
char *memory_strdup(const char *text);

#define NEW(type) ((type *)memory_new(sizeof(type)))
#define NEW_ARRAY(type, count) ((type *)memory_new_array((count), sizeof(type)))

#endif
