#include "base/pairs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Cuts blanks off both ends. */
static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t", text[length - 1])) {
        length--;
    }
    text[length] = '\0';
    return text;
}

/* In place: what is decoded is never longer. */
static bool decode(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '%') {
            if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2])) {
                return false;
            }
            const char digits[] = {at[1], at[2], '\0'};
            byte = (unsigned char)strtoul(digits, NULL, 16);
            at += 2;
        }
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
        *to++ = (char)byte;
    }
    *to = '\0';
    return true;
}

static bool take_one(char *pair, pair_fn *take, void *arg)
{
    char *equals = strchr(pair, '=');
    if (!equals) {
        return *trim(pair) == '\0'; /* nothing between two commas */
    }
    *equals = '\0';
    const char *name = trim(pair);
    char *value = trim(equals + 1);
    return *name && decode(value) && take(arg, name, value);
}

bool pairs_each(const char *list, pair_fn *take, void *arg)
{
    if (strlen(list) > PAIRS_LENGTH_MAX) {
        return false;
    }
    char *copy = memory_strdup(list);
    bool good = true;
    for (char *at = copy, *next; good && at; at = next) {
        next = strchr(at, ',');
        if (next) {
            *next++ = '\0';
        }
        good = take_one(at, take, arg);
    }
    free(copy);
    return good;
}
