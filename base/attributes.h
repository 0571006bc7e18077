/*
 * attributes.h - what the compiler is asked to check for us.
 */
#ifndef BASE_ATTRIBUTES_H
#define BASE_ATTRIBUTES_H

/* The result says whether the call worked: ignoring it is a compile error. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* The function takes a printf format as argument `fmt`, its values from `args` on. */
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The struct of type `type` whose member `member` is at `pointer`. */
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
