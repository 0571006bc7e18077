/*
 * load_options.h - what the command line of `outbound load` says.
 */
#ifndef SANDBOX_PROOF_LOAD_OPTIONS_H
#define SANDBOX_PROOF_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attributes.h"
#include "base/error.h"
#include "schemas/channels.h"

#define LOAD_NAME_MAX 100
#define LOAD_URL_MAX 900
#define LOAD_SEED_MAX INT64_MAX

/* Strings point into the command line, or are constant. */
struct load_options {
    bool by_kafka;
    bool json;
    const char *url; /* of the producer; NULL: that of the settings */
    int64_t rate;    /* messages a second */
    int64_t seconds; /* 0: until `count` is reached */
    int64_t count;   /* messages in all */
    int64_t connections;
    size_t channel_count;
    enum channel channels[CHANNEL_COUNT]; /* taken in turn */
    char name[LOAD_NAME_MAX + 1];
    int64_t seed;
    int64_t schema_id; /* in the registry, of records that are in Confluent's wire format; 0: they are not */
    const char *journal;
};

/* False: a sentence that names the option. */
MUST_CHECK bool load_options_parse(char **words, size_t count, struct load_options *ret_options,
                                   struct error *error);

void load_options_print(FILE *out);

#endif
