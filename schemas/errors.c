#include "schemas/errors.h"

#include <stddef.h>

static const struct error_row rows[ERROR_CODE_COUNT] = {
    {0},
#define CODE(id, ...) {#id, __VA_ARGS__},
#include "schemas/errors.def"
#undef CODE
};

const struct error_row *error_row(enum error_code code)
{
    return &rows[code];
}

const char *error_meaning(struct text name)
{
    for (size_t i = 1; i < ERROR_CODE_COUNT; i++) {
        if (text_is(name, rows[i].name)) {
            return rows[i].help;
        }
    }
    return "";
}

void errors_print_markdown(FILE *out)
{
    static const char *const scopes[] = {"message", "destination", "account", "process", "record"};
    (void)fputs("| code | | scope | may have been delivered | meaning |\n|---|---|---|---|---|\n", out);
    for (size_t i = 1; i < ERROR_CODE_COUNT; i++) {
        (void)fprintf(out, "| `%s` | %s | %s | %s | %s |\n", rows[i].name,
                      rows[i].remedy == PERMANENT ? "permanent" : "retryable", scopes[rows[i].scope],
                      rows[i].may_be_delivered ? "yes" : "no", rows[i].help);
    }
}
