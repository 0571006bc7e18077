#include "support/temp_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static void remove_last(void)
{
    (void)unlink(path);
}

const char *temp_file(const char *text)
{
    if (*path) {
        remove_last();
    } else {
        (void)atexit(remove_last);
    }
    (void)snprintf(path, sizeof path, "/tmp/outbound-unit-XXXXXX");
    const int fd = mkstemp(path);
    cr_assert(fd >= 0);
    const size_t length = strlen(text);
    cr_assert(write(fd, text, length) == (ssize_t)length);
    (void)close(fd);
    return path;
}

char *file_text(const char *name)
{
    FILE *file = fopen(name, "r");
    cr_assert(file, "%s is missing", name);
    char *text = NULL;
    size_t capacity = 0;
    if (getdelim(&text, &capacity, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    (void)fclose(file);
    return text;
}
