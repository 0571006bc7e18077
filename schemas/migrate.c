#include "schemas/migrate.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/pg.h"

/* Any number that nothing else locks; "outbound" in ASCII. */
#define LOCK "8031453476610731620"
#define UNDEFINED_TABLE "42P01"
#define CHECKSUM_SIZE (2 * DIGEST_SIZE + 1)

static void checksum(const char *text, char ret_hex[CHECKSUM_SIZE])
{
    unsigned char digest[DIGEST_SIZE];
    digest_sha256(text, strlen(text), digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
    }
}

MUST_CHECK static bool run(PGconn *connection, const char *sql, struct error *error)
{
    PGresult *result = PQexec(connection, sql);
    const ExecStatusType status = PQresultStatus(result);
    const bool fine = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!fine) {
        (void)error_set(error, "%s", PQresultErrorMessage(result));
    }
    PQclear(result);
    return fine;
}

enum applied { APPLIED, MISSING, CHANGED, UNREADABLE };

/* Whether `migration` is recorded, and with the text it has here. */
static enum applied look_up(PGconn *connection, const struct migration *migration, const char *sum,
                            struct error *error)
{
    const char *const values[] = {migration->name};
    PGresult *result = PQexecParams(connection, "SELECT checksum FROM schema_migration WHERE name = $1", 1,
                                    NULL, values, NULL, NULL, 0);
    enum applied answer;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const bool missing = PQntuples(result) == 0;
    if (PQresultStatus(result) != PGRES_TUPLES_OK && !(sqlstate && strcmp(sqlstate, UNDEFINED_TABLE) == 0)) {
        (void)error_set(error, "%s", PQresultErrorMessage(result));
        answer = UNREADABLE;
    } else if (missing) {
        answer = MISSING;
    } else {
        answer = strcmp(PQgetvalue(result, 0, 0), sum) == 0 ? APPLIED : CHANGED;
    }
    PQclear(result);
    return answer;
}

static bool apply(PGconn *connection, const struct migration *migration, const char *sum, struct error *error)
{
    const char *const values[] = {migration->name, sum};
    if (!run(connection, "BEGIN", error)) {
        return false;
    }
    bool fine = run(connection, migration->sql, error);
    if (fine) {
        PGresult *result =
            PQexecParams(connection, "INSERT INTO schema_migration (name, checksum) VALUES ($1, $2)", 2, NULL,
                         values, NULL, NULL, 0);
        fine = PQresultStatus(result) == PGRES_COMMAND_OK;
        if (!fine) {
            (void)error_set(error, "%s", PQresultErrorMessage(result));
        }
        PQclear(result);
    }
    if (!fine) {
        PQclear(PQexec(connection, "ROLLBACK"));
        return false;
    }
    return run(connection, "COMMIT", error);
}

static bool migrate(PGconn *connection, bool check_only, size_t *ret_missing, struct error *error)
{
    *ret_missing = 0;
    for (size_t i = 0; i < migration_count; i++) {
        char sum[CHECKSUM_SIZE];
        checksum(migrations[i].sql, sum);
        switch (look_up(connection, &migrations[i], sum, error)) {
        case APPLIED:
            break;
        case CHANGED:
            return error_set(error, "migration %s was applied with another text than this executable has",
                             migrations[i].name);
        case UNREADABLE:
            return false;
        case MISSING:
            ++*ret_missing;
            if (check_only) {
                log_info("migration %s is missing", migrations[i].name);
            } else if (apply(connection, &migrations[i], sum, error)) {
                log_info("migration %s applied", migrations[i].name);
            } else {
                struct error inner = *error;
                return error_set(error, "migration %s: %.400s", migrations[i].name, inner.text);
            }
        }
    }
    return true;
}

int migrate_run(const struct config *config, bool check_only)
{
    struct error error;
    size_t missing = 0;
    PGconn *connection = pg_connect_blocking(config->database_url, "outbound migrate", &error);
    bool fine = connection != NULL;
    /* The lock is the session's: it ends with the connection, whatever happens. */
    fine = fine &&
           run(connection, "SET client_min_messages = warning; SELECT pg_advisory_lock(" LOCK ")", &error) &&
           (check_only ||
            run(connection,
                "CREATE TABLE IF NOT EXISTS schema_migration (name text PRIMARY KEY,"
                " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())",
                &error)) &&
           migrate(connection, check_only, &missing, &error);
    if (!fine) {
        log_error("%s", error.text);
    } else if (missing == 0) {
        log_info("the database is up to date");
    }
    PQfinish(connection);
    return fine && (!check_only || missing == 0) ? 0 : 1;
}
