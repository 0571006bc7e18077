/*
 * Both sides run the same statement; then their answers and their tables have to be the same. Of times it
 * counts whether they are over, of intervals how long they are.
 */
#include "tests/model/differential.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "schemas/lifecycle.h"
#include "schemas/rebuild.h"
#include "tests/model/database.h"
#include "tests/model/rebuild.h"
#include "tests/model/sequence.h"
#include "tests/model/world.h"

#define STATEMENTS_EACH 40
#define LINES_MAX 1024
#define LINE_SIZE 600

/* The library's own functions, beside those of pg.c and process.c. */
int __real_PQntuples(const PGresult *rows);
int __real_PQgetisnull(const PGresult *rows, int row, int column);
char *__real_PQgetvalue(const PGresult *rows, int row, int column);
char *__real_PQcmdTuples(PGresult *rows);
void __real_PQclear(PGresult *rows);
int __real_clock_gettime(clockid_t id, struct timespec *ret_time);

/* Rows as lines, in an order that both sides have. */
struct lines {
    char text[LINES_MAX][LINE_SIZE];
    int64_t id[LINES_MAX]; /* of outbox rows */
    size_t order[LINES_MAX];
    size_t count;
};

static struct lines ours;
static struct lines theirs;
static const struct lines *being_sorted;

static int64_t now_us(void)
{
    struct timespec now;
    (void)__real_clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec / 1000;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(being_sorted->text[*(const size_t *)a], being_sorted->text[*(const size_t *)b]);
}

static void sort(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        lines->order[i] = i;
    }
    being_sorted = lines;
    qsort(lines->order, lines->count, sizeof *lines->order, compare_lines);
}

static char *add_line(struct lines *lines)
{
    if (lines->count == LINES_MAX) {
        abort();
    }
    return lines->text[lines->count++];
}

static bool same_lines(const char *what)
{
    sort(&ours);
    sort(&theirs);
    const size_t most = ours.count > theirs.count ? ours.count : theirs.count;
    for (size_t i = 0; i < most; i++) {
        const char *mine = i < ours.count ? ours.text[ours.order[i]] : "(no row)";
        const char *other = i < theirs.count ? theirs.text[theirs.order[i]] : "(no row)";
        if (strcmp(mine, other) != 0) {
            violated("%s differs: the model has %.200s, PostgreSQL has %.200s", what, mine, other);
            return false;
        }
    }
    return true;
}

/* Answers. */

/* Columns that are not compared: ids that each side gives, and points in time. */
static bool is_skipped(const struct pg_statement *statement, int column)
{
    const bool inserts = strncmp(statement->name, "insert", 6) == 0;
    return (inserts && column == 1) || (statement == &lifecycle_claim && column == 10) ||
           (statement == &rebuild_read && column == REBUILD_IS_OURS) || /* the lock of a session that ends */
           (statement == &lifecycle_take_outbox &&
            (column == 0 || column == 13 || column == 14 || column == 21));
}

static void add_value(char *line, size_t *length, const char *value)
{
    *length += (size_t)snprintf(line + *length, LINE_SIZE - *length, "%s|", value ? value : "-");
}

static void lines_of_answer(const struct pg_statement *statement, const struct answer *answer)
{
    ours.count = 0;
    for (int row = 0; row < answer->rows; row++) {
        char *line = add_line(&ours);
        size_t length = 0;
        line[0] = '\0';
        for (int column = 0; column < answer->columns; column++) {
            if (!is_skipped(statement, column)) {
                add_value(line, &length, answer->values[row * answer->columns + column].bytes);
            }
        }
    }
}

static void lines_of_result(const struct pg_statement *statement, const PGresult *rows)
{
    theirs.count = 0;
    const int columns = PQnfields(rows);
    for (int row = 0; row < __real_PQntuples(rows); row++) {
        char *line = add_line(&theirs);
        size_t length = 0;
        line[0] = '\0';
        for (int column = 0; column < columns; column++) {
            if (!is_skipped(statement, column)) {
                add_value(line, &length,
                          __real_PQgetisnull(rows, row, column) ? NULL
                                                                : __real_PQgetvalue(rows, row, column));
            }
        }
    }
}

/* Tables. */

static const char *when(int64_t at_us, int64_t at)
{
    return at_us == 0 ? "-" : at_us < at ? "past" : "future";
}

static const char *or_dash(struct text text)
{
    return text.bytes ? text.bytes : "-";
}

static void our_messages(const struct database *database, int64_t at)
{
    ours.count = 0;
    for (size_t i = 0; i < database->message_count; i++) {
        const struct message_row *m = &database->messages[i];
        (void)snprintf(add_line(&ours), LINE_SIZE, "%s|%s|%d|%d|%d|%s|%s|%s|%s|%d|%s|%s|%s|%s", m->id_text,
                       state_name(m->status), (int)m->attempt_count, (int)m->fence, (int)m->max_attempts,
                       or_dash(m->error_code), or_dash(m->error_message), or_dash(m->provider),
                       or_dash(m->provider_message_id), m->hold_unknown, or_dash(m->claimed_by),
                       when(m->lease_until_us, at), when(m->sent_at_us, at), when(m->expires_at_us, at));
    }
}

static void our_attempts(const struct database *database)
{
    ours.count = 0;
    for (const struct attempt_row *a = database->attempts; a; a = a->next) {
        char pause[24] = "-";
        if (a->next_retry_at_us) {
            (void)snprintf(pause, sizeof pause, "%" PRId64, a->next_retry_at_us - a->finished_at_us);
        }
        (void)snprintf(add_line(&ours), LINE_SIZE, "%s|%d|%s|%s|%s|%s|%s|%s|%" PRId64 "|%s",
                       a->message->id_text, (int)a->attempt_no, or_dash(a->outcome), or_dash(a->provider),
                       or_dash(a->provider_message_id), or_dash(a->http_status), or_dash(a->error_code),
                       or_dash(a->error_message), a->finished_at_us - a->started_at_us, pause);
    }
}

static void our_outbox(const struct database *database, int64_t at)
{
    ours.count = 0;
    for (const struct outbox_row *row = database->outbox; row; row = row->next) {
        ours.id[ours.count] = row->id;
        (void)snprintf(add_line(&ours), LINE_SIZE, "%s|%s|%d|%s", row->message->id_text, row->topic.bytes,
                       (int)row->fence, when(row->due_at_us, at));
    }
}

static void our_events(const struct database *database)
{
    ours.count = 0;
    for (const struct told_event *told = database->events; told; told = told->next) {
        (void)snprintf(add_line(&ours), LINE_SIZE, "%s|%s", told->message->id_text, told->event.bytes);
    }
}

static void our_kafka(const struct database *database)
{
    const struct kafka_row *row = &database->kafka;
    ours.count = 0;
    (void)snprintf(add_line(&ours), LINE_SIZE, "%" PRId64 "|%s|%s|%s|%s", row->rebuilds,
                   or_dash(row->cluster_id), row->ends.bytes, rebuild_lost(row).bytes,
                   row->walks ? state_name(row->status) : "-");
}

#define WHEN(column)                                                                                       \
    "CASE WHEN " column " IS NULL THEN '-' WHEN " column " < clock_timestamp() THEN 'past' ELSE 'future' " \
    "END"
#define OR_DASH(column) "coalesce((" column ")::text, '-')"
#define MICROSECONDS(interval) "(extract(epoch FROM " interval ") * 1000000)::int8"

/* clang-format off */
static const char messages_sql[] =
    "SELECT concat_ws('|', id, status, attempt_count, fence, max_attempts, " OR_DASH("error_code") ", "
    OR_DASH("error_message") ", " OR_DASH("provider") ", " OR_DASH("provider_message_id") ", hold_unknown::int, "
    OR_DASH("claimed_by") ", " WHEN("lease_until") ", " WHEN("sent_at") ", " WHEN("expires_at") "), 0"
    "  FROM outbound_message";
static const char attempts_sql[] =
    "SELECT concat_ws('|', outbound_message_id, attempt_no, outcome, " OR_DASH("provider") ", "
    OR_DASH("provider_message_id") ", " OR_DASH("http_status") ", " OR_DASH("error_code") ", "
    OR_DASH("error_message") ", " MICROSECONDS("finished_at - started_at") ", "
    OR_DASH(MICROSECONDS("next_retry_at - finished_at")) "), 0"
    "  FROM outbound_attempt";
static const char outbox_sql[] =
    "SELECT concat_ws('|', message_id, topic, fence, " WHEN("due_at") "), id FROM outbound_outbox";
static const char events_sql[] =
    "SELECT concat_ws('|', message_id, concat_ws(' ', status, attempt_count, " OR_DASH("error_code") ", "
    OR_DASH("provider") ", " OR_DASH("provider_message_id") ")), 0"
    "  FROM outbound_event_outbox o, unnest(o.message_ids, o.events)"
    "    AS e (message_id, status, attempt_count, error_code, provider, provider_message_id, occurred_at)"
    "  WHERE o.count = cardinality(o.message_ids) AND o.count = cardinality(o.events)";
static const char kafka_sql[] =
    "SELECT concat_ws('|', rebuilds, " OR_DASH("cluster_id") ", ends, lost, " OR_DASH("walk_status") "), 0"
    "  FROM outbound_kafka";
/* clang-format on */

static bool run_sql(PGconn *connection, const char *sql, PGresult **ret_rows)
{
    *ret_rows = PQexec(connection, sql);
    const ExecStatusType status = PQresultStatus(*ret_rows);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        violated("PostgreSQL refuses \"%.60s\": %s", sql, PQresultErrorMessage(*ret_rows));
        return false;
    }
    return true;
}

static void their_rows(PGconn *connection, const char *sql)
{
    PGresult *rows;
    theirs.count = 0;
    if (run_sql(connection, sql, &rows)) {
        for (int row = 0; row < __real_PQntuples(rows); row++) {
            theirs.id[theirs.count] = strtoll(__real_PQgetvalue(rows, row, 1), NULL, 10);
            (void)snprintf(add_line(&theirs), LINE_SIZE, "%s", __real_PQgetvalue(rows, row, 0));
        }
    }
    __real_PQclear(rows);
}

/* Leaves the outbox in `ours` and `theirs`. */
static bool same_tables(PGconn *connection, const struct database *database)
{
    const int64_t at = now_us();
    our_messages(database, at);
    their_rows(connection, messages_sql);
    if (!same_lines("outbound_message")) {
        return false;
    }
    our_attempts(database);
    their_rows(connection, attempts_sql);
    if (!same_lines("outbound_attempt")) {
        return false;
    }
    our_kafka(database);
    their_rows(connection, kafka_sql);
    if (!same_lines("outbound_kafka")) {
        return false;
    }
    our_events(database);
    their_rows(connection, events_sql);
    if (!same_lines("outbound_event_outbox")) {
        return false;
    }
    our_outbox(database, at);
    their_rows(connection, outbox_sql);
    return same_lines("outbound_outbox");
}

/* Statements. */

static PGresult *execute(PGconn *connection, const struct pg_statement *statement,
                         const struct pg_params *params)
{
    const char *values[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    for (int i = 0; i < params->count; i++) {
        values[i] = params->lengths[i] < 0 ? NULL : params->bytes.bytes + params->offsets[i];
        formats[i] = 1;
    }
    PGresult *rows =
        PQexecPrepared(connection, statement->name, params->count, values, params->lengths, formats, 0);
    if (PQresultStatus(rows) == PGRES_FATAL_ERROR &&
        strcmp(PQresultErrorField(rows, PG_DIAG_SQLSTATE), "26000") == 0) { /* not prepared yet */
        __real_PQclear(rows);
        __real_PQclear(PQprepare(connection, statement->name, statement->sql, 0, NULL));
        rows =
            PQexecPrepared(connection, statement->name, params->count, values, params->lengths, formats, 0);
    }
    return rows;
}

static bool same_answers(const struct pg_statement *statement, const struct answer *answer, PGresult *rows)
{
    const char *sqlstate = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
    if (strcmp(answer->sqlstate, sqlstate ? sqlstate : "") != 0) {
        violated("%s: the model says \"%s\", PostgreSQL says \"%s\" %s", statement->name, answer->sqlstate,
                 sqlstate ? sqlstate : "", PQresultErrorMessage(rows));
        return false;
    }
    if (*answer->sqlstate) {
        return true;
    }
    if (answer->affected != strtoll(__real_PQcmdTuples(rows), NULL, 10)) {
        violated("%s: the model has %" PRId64 " rows, PostgreSQL has %s", statement->name, answer->affected,
                 __real_PQcmdTuples(rows));
        return false;
    }
    lines_of_answer(statement, answer);
    lines_of_result(statement, rows);
    return same_lines(statement->name);
}

/* What is deleted, for a number of rebuilds that is mostly the present one. */
static void put_picked(struct pg_params *params, const struct lines *lines, uint64_t picked, int64_t rebuilds)
{
    pg_params_clear(params);
    pg_array_begin(params, PG_INT8);
    for (size_t i = 0; i < lines->count; i++) {
        if (picked >> (i % 64) & 1) {
            pg_array_int8(params, lines->id[lines->order[i]]);
        }
    }
    pg_array_end(params);
    pg_param_int4(params, (int32_t)(picked >> 62 ? rebuilds : rebuilds - 1));
}

/* As base/pg.c has it; what a session has prepared is gone. */
static bool begin_session(PGconn *connection, struct database *database)
{
    PGresult *rows;
    PQreset(connection);
    database->session_us = now_us();
    const bool fine = run_sql(connection, "SET outbound.role = 'on'; SET synchronous_commit = off", &rows);
    __real_PQclear(rows);
    return fine;
}

/* One statement on both sides; the outbox as it was before is in `ours` and `theirs`. */
static bool step(PGconn *connection, struct database *database, struct pg_params *params)
{
    database->now_us = now_us();
    const struct pg_statement *statement = sequence_next(database, params);
    const uint64_t picked = chance(UINT64_MAX);
    if (statement == &lifecycle_end_leases && one_in(2) && !begin_session(connection, database)) {
        return false;
    }
    if (statement == &lifecycle_delete_outbox) {
        put_picked(params, &ours, picked, database->kafka.rebuilds);
    }
    const struct answer answer = database_run(database, statement, params, now_us());
    if (statement == &lifecycle_delete_outbox) {
        put_picked(params, &theirs, picked, database->kafka.rebuilds);
    }
    PGresult *rows = execute(connection, statement, params);
    tell("%s: %d rows%s", statement->name, answer.rows, *answer.sqlstate ? ", refused" : "");
    const bool same = same_answers(statement, &answer, rows) && same_tables(connection, database);
    if (!same) {
        tell("after %s", statement->name);
    }
    __real_PQclear(rows);
    return same;
}

static bool empty_tables(PGconn *connection)
{
    PGresult *rows;
    const bool fine = run_sql(
        connection,
        "DELETE FROM outbound_message; DELETE FROM outbound_attempt; DELETE FROM outbound_outbox;"
        " DELETE FROM outbound_event_outbox; DELETE FROM outbound_tally; DELETE FROM outbound_deletion;"
        " UPDATE outbound_kafka SET cluster_id = NULL, ends = DEFAULT, lost = DEFAULT, rebuilds = 0,"
        "   begun_at = NULL, walk_status = NULL",
        &rows);
    __real_PQclear(rows);
    return fine;
}

/* When it ends otherwise on both sides, what PostgreSQL has stays there, for a person to look at. */
static bool run_sequence(PGconn *connection, uint64_t seed, bool verbose, struct pg_params *params)
{
    static struct database database;
    world_reset(seed, verbose);
    database_init(&database);
    database_listener = (struct database_listener){0};
    ours.count = theirs.count = 0;
    bool same = empty_tables(connection);
    for (int left = STATEMENTS_EACH; left > 0 && same; left--) {
        same = step(connection, &database, params);
    }
    if (!same) {
        printf("seed %" PRIu64 ": %s\n", seed, world_violation());
    }
    return same && empty_tables(connection);
}

static bool is_empty(PGconn *connection)
{
    PGresult *rows;
    const bool known = run_sql(connection, "SELECT count(*) FROM outbound_message", &rows);
    const bool empty = known && strcmp(__real_PQgetvalue(rows, 0, 0), "0") == 0;
    __real_PQclear(rows);
    return empty;
}

int differential_run(uint64_t from, uint64_t count, bool verbose)
{
    const char *url = getenv("DATABASE_URL");
    PGconn *connection = PQconnectdb(url ? url : "");
    int exit_code = 1;
    world_reset(from, false);
    if (PQstatus(connection) != CONNECTION_OK) {
        (void)fprintf(stderr, "model: DATABASE_URL: %s", PQerrorMessage(connection));
    } else if (!is_empty(connection)) {
        (void)fprintf(stderr, "model: DATABASE_URL: the database has to be migrated and without messages\n");
    } else {
        struct pg_params params;
        pg_params_init(&params, (size_t)1024 * 1024);
        PGresult *rows;
        uint64_t seed = from;
        if (run_sql(connection, "SET outbound.role = 'on'; SET synchronous_commit = off", &rows)) {
            while (seed < from + count && run_sequence(connection, seed, verbose, &params)) {
                seed++;
            }
        }
        __real_PQclear(rows);
        pg_params_release(&params);
        printf("%" PRIu64 " sequences of %d statements were the same\n", seed - from, STATEMENTS_EACH);
        exit_code = seed < from + count;
    }
    PQfinish(connection);
    return exit_code;
}
