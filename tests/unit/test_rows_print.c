#include "schemas/rows_print.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pg_params.h"

/* (name text, messages int8, oldest timestamptz); a NULL is SQL's. */
static PGresult *answer(const char *const values[][3], int count)
{
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc columns[] = {{.name = (char[]){"name"}, .typid = PG_TEXT, .typlen = -1},
                              {.name = (char[]){"messages"}, .typid = PG_INT8, .typlen = 8},
                              {.name = (char[]){"oldest"}, .typid = PG_TIMESTAMPTZ, .typlen = 8}};
    cr_assert(eq(int, PQsetResultAttrs(rows, 3, columns), 1));
    for (int row = 0; row < count; row++) {
        for (int column = 0; column < 3; column++) {
            const char *value = values[row][column];
            cr_assert(eq(
                int, PQsetvalue(rows, row, column, (char *)(uintptr_t)value, value ? (int)strlen(value) : -1),
                1));
        }
    }
    return rows;
}

static char *printed(void (*print)(FILE *out, const PGresult *rows), const char *const values[][3], int count)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    PGresult *rows = answer(values, count);
    print(out, rows);
    PQclear(rows);
    (void)fclose(out);
    return text;
}

Test(rows_print, columns_are_aligned_by_characters)
{
    const char *const values[][3] = {
        {"Zoë", "5", "now"}, {"a\nb\033", "12345678", NULL}, {NULL, NULL, "later"}};
    char *text = printed(rows_print_table, values, 3);
    cr_expect(eq(str, text,
                 "name  messages  oldest\n"
                 "Zoë          5  now\n"
                 "a?b?  12345678  -\n"
                 "-            -  later\n"));
    free(text);
}

Test(rows_print, without_rows_only_the_headings)
{
    char *text = printed(rows_print_table, NULL, 0);
    cr_expect(eq(str, text, "name  messages  oldest\n"));
    free(text);
    text = printed(rows_print_json, NULL, 0);
    cr_expect(eq(str, text, ""));
    free(text);
}

Test(rows_print, json_has_types)
{
    const char *const values[][3] = {{"a \"b\"\n", "5", "2026-01-31 12:00:00.5+00"},
                                     {NULL, NULL, "infinity"}};
    char *text = printed(rows_print_json, values, 2);
    cr_expect(eq(str, text,
                 "{\"name\":\"a \\\"b\\\"\\u000a\",\"messages\":5,\"oldest\":\"2026-01-31T12:00:00.5Z\"}\n"
                 "{\"name\":null,\"messages\":null,\"oldest\":\"infinity\"}\n"));
    free(text);
}
