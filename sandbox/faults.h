/*
 * faults.h - rules that make requests fail in a chosen way.
 *
 * A rule strikes at one moment of a request; at each moment the rules are tried in the order in which they
 * were added, and the first that applies wins.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

enum fault_kind {
    FAULT_STATUS, /* answers with a status of its own */
    FAULT_DELAY,  /* answers late */
    FAULT_HANG,   /* never answers */
    FAULT_RESET,  /* resets the connection instead of an answer */
    FAULT_CUT,    /* sends half of an answer */
};

enum fault_moment {
    FAULT_BEFORE, /* the headers are there */
    FAULT_DURING, /* a part of the body is there */
    FAULT_AFTER,  /* the request is there, and a provider would accept it */
};

#define FAULT_HEADERS_MAX 16

struct fault {
    enum fault_kind kind;
    enum fault_moment moment;
    bool accept; /* the delivery counts as accepted whatever the answer */
    int status;
    int64_t delay_ms; /* more than the usual latency */
    double probability;
    int64_t times_left; /* -1: no end */
    int64_t applied;
    const char *match; /* part of the recipient; NULL: any. In `document` */
    const char *body;  /* instead of the provider's own; NULL: that one. In `document` or `body_text` */
    bool body_is_json;
    const json_t *headers; /* names and strings; may be NULL. In `document` */
    char *body_text;
    json_t *document; /* the rule as it was given */
};

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults); /* NULL is fine */

/* What is wrong with a rule. */
struct fault_problem {
    const char *field;
    const char *message; /* the end of a sentence that starts with the field */
};

/* Adds a rule after the others. `document` is the JSON of the request; what is needed of it is kept. */
MUST_CHECK bool faults_add(struct faults *faults, json_t *document, struct fault_problem *ret_problem);

void faults_clear(struct faults *faults);

/* All rules with what became of them: {"faults":[…]}. The caller owns it. */
json_t *faults_describe(const struct faults *faults);

/*
 * The rule that strikes now, or NULL; it counts as applied. `recipient` is needed at FAULT_AFTER. Valid until
 * the rules are cleared.
 */
const struct fault *faults_strike(struct faults *faults, enum fault_moment moment, const char *recipient);

#endif
