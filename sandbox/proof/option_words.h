/*
 * option_words.h - one option of a command line, as "--name=value", "--name value" or "--name".
 */
#ifndef SANDBOX_PROOF_OPTION_WORDS_H
#define SANDBOX_PROOF_OPTION_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attributes.h"
#include "base/error.h"

/* A row of a command's table. The error of `take` is the end of a sentence that starts with the option. */
struct option_row {
    const char *name;  /* "--rate" */
    const char *value; /* what it is called in the help; NULL: the option is a switch */
    bool (*take)(void *options, const char *value, struct error *error);
    const char *help;
};

/* Gives each word to its row; `options` is what `take` fills. False: a sentence that names the word. */
MUST_CHECK bool option_words_parse(const struct option_row *rows, size_t row_count, char **words,
                                   size_t count, void *options, struct error *error);

/* False: it is not a whole number from `least` to `most`. */
MUST_CHECK bool option_number(const char *text, int64_t least, int64_t most, int64_t *ret_number,
                              struct error *error);

void option_words_print(const struct option_row *rows, size_t row_count, FILE *out);

#endif
