#include "schemas/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/pg.h"
#include "base/pg_params.h"
#include "schemas/audit_checks.h"

#define EXIT_BROKEN 1
#define EXIT_WRONG_USAGE 2
#define EXIT_NOT_ASKED 3

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 1000000
#define SLOW_MS 1000 /* for so long nothing is said of the progress */

/* Every table is read whole: plans are made for that. */
#define SNAPSHOT                                                                                             \
    "SET plan_cache_mode = auto; SET enable_seqscan = on; SET enable_nestloop = on; SET enable_mergejoin = " \
    "on;"                                                                                                    \
    "SET work_mem = '64MB'; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

struct options {
    bool json;
    long long limit; /* of what is named for each check */
};

static bool parse(char **words, size_t count, struct options *options, struct error *error)
{
    static const char limit[] = "--limit=";
    *options = (struct options){.limit = LIMIT_DEFAULT};
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], "--json") == 0) {
            options->json = true;
        } else if (strncmp(words[i], limit, sizeof limit - 1) == 0) {
            const char *digits = words[i] + sizeof limit - 1;
            char *end;
            errno = 0;
            options->limit = strtoll(digits, &end, 10);
            if (errno || strspn(digits, "0123456789") != strlen(digits) || end == digits ||
                options->limit < 1 || options->limit > LIMIT_MAX) {
                return error_set(error, "--limit: %s is not a number from 1 to %d", digits, LIMIT_MAX);
            }
        } else {
            return error_set(error, "there is no option %s", words[i]);
        }
    }
    return true;
}

/* NULL, with the reason, when it failed. */
static PGresult *ask(PGconn *connection, const char *sql, const char *const values[2], struct error *error)
{
    static const Oid types[] = {PG_TEXT, PG_TEXT};
    /* Without parameters it may be several statements. */
    PGresult *rows =
        values ? PQexecParams(connection, sql, 2, types, values, NULL, NULL, 0) : PQexec(connection, sql);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK && PQresultStatus(rows) != PGRES_COMMAND_OK) {
        (void)error_set(error, "%s", PQerrorMessage(connection));
        error->text[strcspn(error->text, "\n")] = '\0';
        PQclear(rows);
        return NULL;
    }
    return rows;
}

/* What breaks a check: (id, detail, how many there are in all), the first `limit` of them. */
static PGresult *find_broken(PGconn *connection, const struct audit_check *check, const struct config *config,
                             const struct options *options, struct error *error)
{
    char sql[4096];
    char republish_ms[24];
    char limit[24];
    (void)snprintf(
        sql, sizeof sql,
        "SELECT id, detail, count(*) OVER () FROM (%s) broken (id, detail) ORDER BY id LIMIT $2::int8",
        check->sql);
    (void)snprintf(republish_ms, sizeof republish_ms, "%lld", (long long)config->republish_after_ms);
    (void)snprintf(limit, sizeof limit, "%lld", options->limit);
    PGresult *rows = ask(connection, sql, (const char *const[]){republish_ms, limit}, error);
    if (!rows) {
        struct error inner = *error;
        (void)error_set(error, "%s: %.400s", check->name, inner.text);
    }
    return rows;
}

static int64_t broken_count(const PGresult *rows)
{
    return PQntuples(rows) > 0 ? pg_int(rows, 0, 2) : 0;
}

static void print_table(const PGresult *counts, PGresult *const found[])
{
    for (int i = 0; i < PQnfields(counts); i++) {
        (void)printf("%s %s%s", PQgetvalue(counts, 0, i), PQfname(counts, i),
                     i + 1 < PQnfields(counts) ? ", " : "\n");
    }
    for (size_t i = 0; i < audit_check_count; i++) {
        const int64_t broken = broken_count(found[i]);
        if (broken == 0) {
            (void)printf("ok      %-16s %s\n", audit_checks[i].name, audit_checks[i].sentence);
            continue;
        }
        (void)printf("BROKEN  %-16s %s: not so for %lld\n", audit_checks[i].name, audit_checks[i].sentence,
                     (long long)broken);
        for (int row = 0; row < PQntuples(found[i]); row++) {
            (void)printf("          %s  %s\n", PQgetvalue(found[i], row, 0), PQgetvalue(found[i], row, 1));
        }
        if (broken > PQntuples(found[i])) {
            (void)printf("          … and %lld more (--limit)\n", (long long)broken - PQntuples(found[i]));
        }
    }
}

static void json_string(struct buffer *out, const char *name, const char *value)
{
    buffer_format(out, "\"%s\":", name);
    buffer_json_string(out, value, strlen(value));
}

static void print_json(const PGresult *counts, PGresult *const found[], bool clean)
{
    struct buffer out;
    buffer_init(&out, SIZE_MAX);
    buffer_format(&out, "{\"clean\":%s,\"messages\":{", clean ? "true" : "false");
    for (int i = 0; i < PQnfields(counts); i++) {
        buffer_format(&out, "%s\"%s\":%s", i ? "," : "", PQfname(counts, i), PQgetvalue(counts, 0, i));
    }
    buffer_text(&out, "},\"checks\":[");
    for (size_t i = 0; i < audit_check_count; i++) {
        buffer_text(&out, i ? ",{" : "{");
        json_string(&out, "name", audit_checks[i].name);
        buffer_text(&out, ",");
        json_string(&out, "sentence", audit_checks[i].sentence);
        buffer_format(&out, ",\"broken\":%lld,\"examples\":[", (long long)broken_count(found[i]));
        for (int row = 0; row < PQntuples(found[i]); row++) {
            buffer_text(&out, row ? ",{" : "{");
            json_string(&out, "id", PQgetvalue(found[i], row, 0));
            buffer_text(&out, ",");
            json_string(&out, "detail", PQgetvalue(found[i], row, 1));
            buffer_text(&out, "}");
        }
        buffer_text(&out, "]}");
    }
    buffer_text(&out, "]}\n");
    (void)fwrite(out.bytes, 1, out.length, stdout);
    buffer_release(&out);
}

static bool look(PGconn *connection, const struct config *config, const struct options *options,
                 PGresult **ret_counts, PGresult *found[], struct error *error)
{
    PGresult *begun = ask(connection, SNAPSHOT, NULL, error);
    if (!begun) {
        return false;
    }
    PQclear(begun);
    if (!(*ret_counts = ask(connection, audit_counts_sql, NULL, error))) {
        return false;
    }
    const int64_t began_ms = clock_monotonic_ms();
    for (size_t i = 0; i < audit_check_count; i++) {
        if (clock_monotonic_ms() - began_ms > SLOW_MS) {
            (void)fprintf(stderr, "%zu of %zu: %s\n", i + 1, audit_check_count, audit_checks[i].name);
        }
        if (!(found[i] = find_broken(connection, &audit_checks[i], config, options, error))) {
            return false;
        }
    }
    return true;
}

int audit_run(const struct config *config, char **words, size_t count)
{
    struct options options;
    struct error error;
    if (!parse(words, count, &options, &error)) {
        (void)fprintf(stderr, "outbound audit: %s\n", error.text);
        return EXIT_WRONG_USAGE;
    }
    PGconn *connection = pg_connect_blocking(config->database_url, "outbound audit", &error);
    PGresult *counts = NULL;
    PGresult **found = NEW_ARRAY(PGresult *, audit_check_count);
    int exit_code = EXIT_NOT_ASKED;
    if (connection && look(connection, config, &options, &counts, found, &error)) {
        bool clean = true;
        for (size_t i = 0; i < audit_check_count; i++) {
            clean = clean && broken_count(found[i]) == 0;
        }
        if (options.json) {
            print_json(counts, found, clean);
        } else {
            print_table(counts, found);
        }
        exit_code = clean ? 0 : EXIT_BROKEN;
    } else {
        log_error("%s", error.text);
    }
    for (size_t i = 0; i < audit_check_count; i++) {
        PQclear(found[i]);
    }
    free(found);
    PQclear(counts);
    PQfinish(connection);
    return exit_code;
}

void audit_print_help(FILE *out)
{
    (void)fprintf(out,
                  "\noptions:\n"
                  "  --json       one JSON object\n"
                  "  --limit=N    names at most so many of what breaks a check (%d)\n"
                  "\nchecks:\n",
                  LIMIT_DEFAULT);
    for (size_t i = 0; i < audit_check_count; i++) {
        (void)fprintf(out, "  %-16s %s\n", audit_checks[i].name, audit_checks[i].sentence);
    }
    (void)fputs(
        "\nA letter may be on its way through Kafka, where it is not seen. letter_missing says nothing of a "
        "message until a\n"
        "letter that was written an hour later has been stored, or, where none ever was, until a day is "
        "over.\n"
        "\nexit code: 0 all is true, 1 something is broken, 2 wrong usage, 3 PostgreSQL could not be asked\n",
        out);
}
