/*
 * settings.h - reads a table of settings: environment over YAML file over defaults.
 *
 * A row declares a setting once; loading, checking, --help, the printed configuration and the reference page
 * all follow from it. The table itself, and the struct that it fills, belong to the caller.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attributes.h"
#include "base/error.h"

enum setting_kind {
    SETTING_SECTION, /* not a setting: `help` is the heading of those that follow */
    SETTING_TEXT,    /* const char * */
    SETTING_SECRET,  /* const char *; NAME_FILE in the environment names a file that holds it; printed masked
                      */
    /*
     * const char *, name=value separated by commas or line ends (a backslash stands before one that belongs
     * to a value); secret. In the YAML file a mapping or such a text. NAME_FILE adds to NAME, and both to the
     * file: of equal names the later one counts.
     */
    SETTING_PROPERTIES,
    SETTING_INT,    /* int64_t between min and max */
    SETTING_BOOL,   /* bool: true or false */
    SETTING_CHOICE, /* const char *, one of `choices` */
};

struct setting {
    enum setting_kind kind;
    const char *name; /* of the environment variable */
    const char *key;  /* in the YAML file, dots for nesting */
    const char *initial;
    int64_t min, max;
    const char *choices; /* "a|b|c"; a bar before the first does not count */
    const char *help;
    size_t offset; /* of the member in the caller's struct */
};

/* A value from the command line, which wins over everything. */
struct setting_override {
    const char *name;
    const char *value;
};

struct settings_source {
    const char *yaml_path;                    /* NULL: no file */
    const struct setting_override *overrides; /* ended by a NULL name; may be NULL */
};

/*
 * Fills the struct at `ret_values`; settings_release() frees its strings. False, naming the setting and where
 * its value came from, when one is wrong; then there is nothing to free.
 */
MUST_CHECK bool settings_load(const struct setting *table, size_t count, const struct settings_source *source,
                              void *ret_values, struct error *error);

void settings_release(const struct setting *table, size_t count, void *values);

/* Each setting with its meaning, default and range, as `--help` shows it. */
void settings_print_help(const struct setting *table, size_t count, FILE *out);

/* NAME=value lines of what is in force, secrets masked. */
void settings_print_values(const struct setting *table, size_t count, const void *values, FILE *out);

/* The rows as tables in Markdown. */
void settings_print_markdown(const struct setting *table, size_t count, FILE *out);

#endif
