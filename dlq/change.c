/*
 * Replay, archive and discard: one batch after the other in the order of the letters' ids, each a
 * transaction. Whoever is interrupted, even by SIGKILL, has done whole batches; the same command goes on with
 * the rest, because what was done has another status.
 */
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "dlq/dlq.h"

#define PARAMS_MAX ((size_t)64 * 1024)
#define COUNTS_MAX 8
#define TRIES_MAX 5
#define BATCHES_A_SECOND 10 /* with --rate: small enough steps to be even */

/* What was done, added up over the batches; the names are the statement's. */
struct tally {
    char names[COUNTS_MAX][32];
    int64_t counts[COUNTS_MAX];
    int count;
};

struct change {
    PGconn *connection;
    const struct dlq_options *options;
    const struct config *config;
    const struct letter_action *action;
    struct letter_batch batch;
    int64_t most;       /* in one batch */
    int64_t left;       /* of --limit */
    int64_t started_us; /* monotonic */
    int64_t seen;
    struct tally tally;
};

static void add_up(struct tally *tally, const PGresult *answer)
{
    tally->count = PQnfields(answer) - LETTER_ANSWER_COUNTS;
    for (int i = 0; i < tally->count; i++) {
        const int column = LETTER_ANSWER_COUNTS + i;
        (void)snprintf(tally->names[i], sizeof tally->names[i], "%s", PQfname(answer, column));
        tally->counts[i] += pg_int(answer, 0, column);
    }
}

/* Serialization failures and deadlocks: nothing was changed, and it can be tried again. */
static bool passes_by(const char *sqlstate)
{
    return strncmp(sqlstate, "40", 2) == 0;
}

static PGresult *run_batch(struct change *change, bool preview, struct error *error)
{
    PGresult *answer = NULL;
    char sqlstate[6] = "";
    change->batch.preview = preview;
    struct pg_params params;
    pg_params_init(&params, PARAMS_MAX);
    letter_action_params(change->action, &change->options->filter, &change->batch, change->config, &params);
    for (int tries = 0; !answer && tries < TRIES_MAX && (tries == 0 || passes_by(sqlstate)); tries++) {
        answer = pg_call_blocking(change->connection, preview ? change->action->preview : change->action->run,
                                  &params, sqlstate, error);
    }
    pg_params_release(&params);
    return answer;
}

/* Waits until as many as were seen may have been. */
static void keep_rate(const struct change *change)
{
    if (change->options->rate > 0) {
        const int64_t due_us = change->started_us + change->seen * 1000000 / change->options->rate;
        const int64_t wait_us = due_us - clock_monotonic_us();
        if (wait_us > 0) {
            uv_sleep((unsigned)(wait_us / 1000));
        }
    }
}

/* All letters of one status. */
static bool run_status(struct change *change, const char *status, bool preview, struct error *error)
{
    change->batch.status = status;
    change->batch.after = 0;
    for (bool more = true; more && change->left > 0;) {
        change->batch.size = change->left < change->most ? change->left : change->most;
        PGresult *answer = run_batch(change, preview, error);
        if (!answer) {
            return false;
        }
        const int64_t seen = pg_int(answer, 0, LETTER_ANSWER_SEEN);
        add_up(&change->tally, answer);
        more = seen == change->batch.size;
        change->batch.after = pg_int(answer, 0, LETTER_ANSWER_LAST_ID);
        change->left -= seen;
        change->seen += seen;
        PQclear(answer);
        if (!preview) {
            keep_rate(change);
        }
    }
    return true;
}

static bool run_all(struct change *change, bool preview, struct error *error)
{
    const int64_t limit = change->options->filter.limit;
    change->tally = (struct tally){0};
    change->left = limit ? limit : INT64_MAX;
    change->seen = 0;
    change->started_us = clock_monotonic_us();
    for (size_t i = 0; change->action->from[i]; i++) {
        if (!run_status(change, change->action->from[i], preview, error)) {
            return false;
        }
    }
    return true;
}

static const char *words_for(const char *name)
{
    static const struct {
        const char *name;
        const char *words;
    } known[] = {
        {"settled", "settled: the message has gone on by itself"},
        {"looping", "held back: replayed too often already (OUTBOUND_DLQ_MAX_REPLAYS); --force replays them"},
        {"expired", "held back: the message's time is over; --force lifts that"},
        {"undecided", "held back: may have been delivered; a replay needs --force"},
        {"unreplayable", "held back: a record that came from no topic of ours"},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(known[i].name, name) == 0) {
            return known[i].words;
        }
    }
    return name;
}

static void print(const struct change *change)
{
    const struct tally *tally = &change->tally;
    if (change->options->json) {
        (void)printf("{\"dryRun\":%s", change->options->dry_run ? "true" : "false");
        for (int i = 0; i < tally->count; i++) {
            (void)printf(",\"%s\":%lld", tally->names[i], (long long)tally->counts[i]);
        }
        (void)puts("}");
        return;
    }
    for (int i = 0; i < tally->count; i++) {
        if (i == 0 || tally->counts[i] > 0) {
            (void)printf("%lld %s%s\n", (long long)tally->counts[i],
                         change->options->dry_run && i == 0 ? "would be " : "", words_for(tally->names[i]));
        }
    }
}

/* What is asked for by its id and cannot be done is an error, before anything is done. */
static bool check_ids(struct change *change, int *ret_exit_code)
{
    struct error error;
    if (!run_all(change, true, &error)) {
        *ret_exit_code = dlq_complain(EXIT_FAILED, error.text);
        return false;
    }
    if (change->seen == 0) {
        *ret_exit_code = dlq_complain(EXIT_WRONG, "--id: not one of them fits the other filters");
        return false;
    }
    for (int i = 1; i < change->tally.count; i++) {
        if (change->tally.counts[i] > 0) {
            char why[300];
            (void)snprintf(why, sizeof why, "--id: %lld of %lld cannot be %s (%s)",
                           (long long)change->tally.counts[i], (long long)change->seen, change->action->done,
                           words_for(change->tally.names[i]));
            *ret_exit_code = dlq_complain(EXIT_WRONG, why);
            return false;
        }
    }
    return true;
}

int dlq_change(const struct config *config, PGconn *connection, struct dlq_options *options)
{
    static const struct letter_action *const actions[DLQ_VERBS] = {
        [DLQ_REPLAY] = &letter_replay, [DLQ_ARCHIVE] = &letter_archive, [DLQ_DISCARD] = &letter_discard};
    struct change change = {
        .connection = connection,
        .options = options,
        .action = actions[options->verb],
        .config = config,
        .batch = {.force = options->force},
        .most = config->dlq_batch_size,
    };
    if (options->rate > 0 && options->rate / BATCHES_A_SECOND < change.most) {
        change.most = options->rate < BATCHES_A_SECOND ? 1 : options->rate / BATCHES_A_SECOND;
    }
    int exit_code;
    if (!dlq_resolve_ids(connection, &options->filter, change.action, &exit_code) ||
        (options->filter.letter_id_count > 0 && !check_ids(&change, &exit_code))) {
        return exit_code;
    }
    struct error error;
    const bool fine = run_all(&change, options->dry_run, &error);
    if (fine || change.seen > 0) { /* what was done before it failed has been done */
        print(&change);
    }
    return fine ? EXIT_FINE : dlq_complain(EXIT_FAILED, error.text);
}
