/*
 * answer.h - what a statement answers: rows as texts, in the world's memory. Becomes a PGresult where it is
 * read (pg.c).
 */
#ifndef MODEL_ANSWER_H
#define MODEL_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct answer {
    int columns;
    int rows;
    int room;
    struct text *values;
    const char *sqlstate; /* "": it is done */
    int64_t affected;     /* what PQcmdTuples() says */
};

struct answer answer_of(int columns);
struct text *answer_row(struct answer *answer); /* a new one, all null */

struct text answer_int(int64_t number);
/* bytea in hexadecimal digits, after `prefix`; null for null. */
struct text answer_hex(const char *prefix, struct text bytes);

/* A copy in the world's memory; null for null. */
struct text text_kept(struct text text);
/* As SQL has it: null is equal to nothing. */
bool texts_equal(struct text a, struct text b);

#endif
