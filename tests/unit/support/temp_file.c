#include "support/temp_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char temporary[64];

static void remove_last(void)
{
    (void)unlink(temporary);
}

const char *temp_file(const char *text)
{
    if (*temporary) {
        remove_last();
    } else {
        (void)atexit(remove_last);
    }
    (void)snprintf(temporary, sizeof temporary, "/tmp/outbound-unit-XXXXXX");
    const int fd = mkstemp(temporary);
    cr_assert(fd >= 0);
    const size_t length = strlen(text);
    cr_assert(write(fd, text, length) == (ssize_t)length);
    (void)close(fd);
    return temporary;
}

char *file_text(const char *path)
{
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s is missing", path);
    char *text = NULL;
    size_t capacity = 0;
    if (getdelim(&text, &capacity, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    (void)fclose(file);
    return text;
}
