#include "schemas/rows_print.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/pg_params.h"
#include "base/text.h"

#define NUMERIC 1700 /* src/include/catalog/pg_type.dat in PostgreSQL, as those of pg_params.h */
#define LINE_MAX_BYTES ((size_t)1024 * 1024)
#define GAP 2

static bool is_number(const PGresult *rows, int column)
{
    const Oid type = PQftype(rows, column);
    return type == PG_INT4 || type == PG_INT8 || type == NUMERIC;
}

static const char *shown(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column) ? "-" : PQgetvalue(rows, row, column);
}

static int width_of(const char *text)
{
    return (int)text_characters(text_of(text));
}

static void print_cell(FILE *out, const char *text, int width, bool right, bool last)
{
    const int missing = width - width_of(text);
    (void)fprintf(out, "%*s", right ? missing : 0, "");
    text_print(text_of(text), out);
    (void)fprintf(out, "%*s", last ? 0 : GAP + (right ? 0 : missing), "");
}

void rows_print_table(FILE *out, const PGresult *rows)
{
    const int columns = PQnfields(rows);
    int *widths = NEW_ARRAY(int, (size_t)columns + 1);
    for (int column = 0; column < columns; column++) {
        widths[column] = width_of(PQfname(rows, column));
        for (int row = 0; row < PQntuples(rows); row++) {
            const int width = width_of(shown(rows, row, column));
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
    for (int row = -1; row < PQntuples(rows); row++) { /* -1 for the headings */
        for (int column = 0; column < columns; column++) {
            print_cell(out, row < 0 ? PQfname(rows, column) : shown(rows, row, column), widths[column],
                       is_number(rows, column), column + 1 == columns);
        }
        (void)fputc('\n', out);
    }
    free(widths);
}

/* "2026-01-31 12:00:00.5+00" → "2026-01-31T12:00:00.5Z" */
static void put_time(struct buffer *line, const char *text)
{
    const size_t date = strcspn(text, " ");
    const size_t length = strcspn(text, "+");
    if (text[date] == ' ' && strcmp(text + length, "+00") == 0) {
        buffer_format(line, "\"%.*sT%.*sZ\"", (int)date, text, (int)(length - date - 1), text + date + 1);
    } else {
        buffer_json_string(line, text, strlen(text)); /* infinity, or a year before Christ */
    }
}

static void put_value(struct buffer *line, const PGresult *rows, int row, int column)
{
    const char *text = PQgetvalue(rows, row, column);
    if (PQgetisnull(rows, row, column)) {
        buffer_text(line, "null");
    } else if (is_number(rows, column)) {
        buffer_text(line, text);
    } else if (PQftype(rows, column) == PG_TIMESTAMPTZ) {
        put_time(line, text);
    } else {
        buffer_json_string(line, text, strlen(text));
    }
}

void rows_print_json(FILE *out, const PGresult *rows)
{
    struct buffer line;
    buffer_init(&line, LINE_MAX_BYTES);
    for (int row = 0; row < PQntuples(rows); row++) {
        buffer_clear(&line);
        for (int column = 0; column < PQnfields(rows); column++) {
            buffer_text(&line, column == 0 ? "{" : ",");
            buffer_json_string(&line, PQfname(rows, column), strlen(PQfname(rows, column)));
            buffer_text(&line, ":");
            put_value(&line, rows, row, column);
        }
        (void)fprintf(out, "%s}\n", line.bytes);
    }
    buffer_release(&line);
}
