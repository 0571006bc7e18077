#include "sandbox/proof/option_words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct option_row *row_of(const struct option_row *rows, size_t row_count, const char *word,
                                       size_t length)
{
    for (size_t i = 0; i < row_count; i++) {
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, word, length) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

bool option_words_parse(const struct option_row *rows, size_t row_count, char **words, size_t count,
                        void *options, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const char *word = words[i];
        const size_t length = strcspn(word, "=");
        if (word[0] != '-') {
            return error_set(error, "\"%.100s\" is one word too many", word);
        }
        const struct option_row *row = row_of(rows, row_count, word, length);
        if (!row) {
            return error_set(error, "there is no option %.100s", word);
        }
        const char *value = word[length] == '=' ? word + length + 1 : NULL;
        if (!row->value && value) {
            return error_set(error, "%s has no value", row->name);
        }
        if (row->value && !value && i + 1 < count) {
            value = words[++i];
        }
        if (row->value && !value) {
            return error_set(error, "%s needs a value", row->name);
        }
        struct error why;
        if (!row->take(options, value, &why)) {
            return error_set(error, "%s \"%.100s\": %.300s", row->name, value ? value : "", why.text);
        }
    }
    return true;
}

bool option_number(const char *text, int64_t least, int64_t most, int64_t *ret_number, struct error *error)
{
    char *end;
    errno = 0;
    const int64_t number = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno || number < least || number > most) {
        return error_set(error, "is not a whole number from %" PRId64 " to %" PRId64, least, most);
    }
    *ret_number = number;
    return true;
}

void option_words_print(const struct option_row *rows, size_t row_count, FILE *out)
{
    (void)fputs("\noptions:\n", out);
    for (size_t i = 0; i < row_count; i++) {
        char both[64];
        (void)snprintf(both, sizeof both, "%s%s%s", rows[i].name, rows[i].value ? "=" : "",
                       rows[i].value ? rows[i].value : "");
        (void)fprintf(out, "  %-22s %s\n", both, rows[i].help);
    }
}
