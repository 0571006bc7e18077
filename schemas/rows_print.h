/*
 * rows_print.h - an answer of PostgreSQL for people, or for programs.
 */
#ifndef SCHEMAS_ROWS_PRINT_H
#define SCHEMAS_ROWS_PRINT_H

#include <libpq-fe.h>
#include <stdio.h>

/* Columns as wide as their values; null is "-", a control character "?". */
void rows_print_table(FILE *out, const PGresult *rows);

/* One object a line: numbers as numbers, times as RFC 3339 (the session's TimeZone has to be UTC), null. */
void rows_print_json(FILE *out, const PGresult *rows);

#endif
