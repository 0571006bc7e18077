#include "schemas/violations.h"

#include <stdarg.h>
#include <stdio.h>

void violation_add(struct violations *violations, const char *field, const char *format, ...)
{
    if (violations->count == VIOLATIONS_MAX) {
        return;
    }
    char detail[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    violations->items[violations->count++] =
        (struct violation){arena_strdup(violations->arena, field), arena_strdup(violations->arena, detail)};
}
