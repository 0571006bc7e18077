#include "sandbox/proof/json_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool take_line(const char *text, size_t length, json_line_fn *take, void *arg, struct error *error)
{
    json_error_t problem;
    json_t *line = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    if (!line) {
        return error_set(error, "is no JSON: %.200s", problem.text);
    }
    const bool fine = json_is_object(line) ? take(arg, line, error) : error_set(error, "is no JSON object");
    json_decref(line);
    return fine;
}

bool json_lines_read(const char *path, json_line_fn *take, void *arg, int64_t *ret_cut, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    char *text = NULL;
    size_t capacity = 0;
    ssize_t length;
    long long number = 0;
    int64_t cut = 0;
    bool fine = true;
    errno = 0;
    while (fine && (length = getline(&text, &capacity, file)) > 0) {
        number++;
        struct error why;
        if (text[length - 1] == '\n') {
            fine = take_line(text, (size_t)length - 1, take, arg, &why);
        } else if (ret_cut) {
            cut++;
        } else {
            fine = error_set(&why, "is cut off: it has no end");
        }
        if (!fine) {
            (void)error_set(error, "%s, line %lld: %.300s", path, number, why.text);
        }
    }
    if (fine && !feof(file)) {
        fine = error_set(error, "%s: cannot be read: %s", path, strerror(errno));
    }
    if (fine && ret_cut) {
        *ret_cut = cut;
    }
    free(text);
    (void)fclose(file);
    return fine;
}
