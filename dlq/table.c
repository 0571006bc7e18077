#include "dlq/table.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/text.h"

static void print_value(FILE *out, const json_t *value, int width)
{
    if (json_is_string(value)) {
        const struct text text = {json_string_value(value), json_string_length(value)};
        const int missing = width - (int)text_characters(text);
        text_print(text, out);
        (void)fprintf(out, "%*s", missing > 0 ? missing : 0, "");
    } else if (json_is_integer(value)) {
        (void)fprintf(out, "%-*lld", width, (long long)json_integer_value(value));
    } else {
        (void)fprintf(out, "%-*s", width, "-");
    }
}

void table_print(FILE *out, const struct table_column *columns, size_t count, const PGresult *rows)
{
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(out, "%-*s%s", columns[i].width, columns[i].heading, i + 1 < count ? "  " : "\n");
    }
    for (int row = 0; row < PQntuples(rows); row++) {
        json_t *document = json_loads(PQgetvalue(rows, row, 0), 0, NULL);
        for (size_t i = 0; i < count; i++) {
            print_value(out, json_object_get(document, columns[i].member), columns[i].width);
            (void)fputs(i + 1 < count ? "  " : "\n", out);
        }
        json_decref(document);
    }
}

void table_print_members(FILE *out, const char *text)
{
    json_t *document = json_loads(text, 0, NULL);
    const char *name;
    json_t *value;
    json_object_foreach (document, name, value) {
        (void)fprintf(out, "%-20s", name);
        print_value(out, value, 0);
        (void)fputc('\n', out);
    }
    json_decref(document);
}
