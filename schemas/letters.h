/*
 * letters.h - the dead letters in PostgreSQL: stored, looked at, and what can be done with them.
 *
 * The command line and the API use the same statements, and show the same JSON. A letter is OPEN until it is
 * REPLAYED, ARCHIVED or DISCARDED, or found SETTLED: its message has gone on without a replay.
 */
#ifndef SCHEMAS_LETTERS_H
#define SCHEMAS_LETTERS_H

#include "base/pg.h"
#include "schemas/config.h"
#include "schemas/letter_filter.h"

/* Stores what was read from the dead-letter topic; what is there already is left alone. */
extern const struct pg_statement letters_store;

/* JSON documents, one a row (in a list with its id beside it). Newest letter first; how many there are of
 * each kind; all about one letter. */
extern const struct pg_statement letters_list;
extern const struct pg_statement letters_stats;
extern const struct pg_statement letters_show;

void letters_list_params(const struct letter_filter *filter, struct pg_params *params);

/* What is given as `id`: (as given, the letter's id or null, its status), one row each. */
extern const struct pg_statement letters_find;

void letters_find_params(const struct letter_filter *filter, struct pg_params *params);

/* What can be done with letters, a batch after the other; each batch is one transaction. */
struct letter_action {
    const char *name;    /* "replay" */
    const char *done;    /* "replayed": the column that counts those for which it was done */
    const char *from[3]; /* the statuses of letters that it applies to, NULL at the end */
    bool is_replay;      /* has the parameters of a replay, too */
    const struct pg_statement *run;
    const struct pg_statement *preview; /* the same answer, and changes nothing */
};

extern const struct letter_action letter_replay;
extern const struct letter_action letter_archive;
extern const struct letter_action letter_discard;

/*
 * Puts the letters that were found in place of the ids as given. False, naming one, when one is not there or
 * has a status that `action` does not apply to. NULL: any status.
 */
MUST_CHECK bool letters_take_found(struct letter_filter *filter, const PGresult *found,
                                   const struct letter_action *action, struct error *error);

struct letter_batch {
    const char *status; /* one of the action's `from` */
    int64_t after;      /* id of the last letter of the batch before; 0 at first */
    int64_t size;
    bool force; /* also what was replayed too often, is expired, or may have been delivered */
    bool preview;
};

/*
 * The parameters of an action's statement. Its answer is one row: the last id or null, how many letters were
 * looked at (fewer than `size`: there are no more), then one count per column, which bears its name.
 */
void letter_action_params(const struct letter_action *action, const struct letter_filter *filter,
                          const struct letter_batch *batch, const struct config *config,
                          struct pg_params *params);

#define LETTER_ANSWER_LAST_ID 0
#define LETTER_ANSWER_SEEN 1
#define LETTER_ANSWER_COUNTS 2 /* the first of them */

#endif
