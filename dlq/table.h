/*
 * table.h - JSON documents as a table for people.
 */
#ifndef DLQ_TABLE_H
#define DLQ_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include <libpq-fe.h>

struct table_column {
    const char *heading;
    const char *member; /* of the documents */
    int width;          /* at least; the last column of a table needs none */
};

/* One line for each row of `rows`, whose first column is a JSON object. */
void table_print(FILE *out, const struct table_column *columns, size_t count, const PGresult *rows);

/* Each member of the JSON object `text` on a line of its own. */
void table_print_members(FILE *out, const char *text);

#endif
