/*
 * One snapshot. Rows come by a cursor, for the names of the journals alone: others may share the database.
 */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/pg.h"
#include "sandbox/proof/evidence.h"
#include "sandbox/proof/load_message.h"
#include "schemas/new_message.h"

/* The tables are read whole; plans are made for that. */
#define BEGIN                                                                                                \
    "SET plan_cache_mode = auto; SET enable_seqscan = on; SET enable_nestloop = on; SET enable_mergejoin = " \
    "on;"                                                                                                    \
    "SET work_mem = '64MB'; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
#define FETCH "FETCH 10000 FROM found"
#define CLOSE "CLOSE found"

/* $1 the names of the journals with their "-" (array). */
#define MINE                                                                                            \
    "(SELECT id, idempotency_key, status, fence, source FROM outbound_message"                          \
    "  UNION ALL SELECT id, idempotency_key, status, fence, source FROM outbound_message_archive) mine" \
    "  WHERE source IN ('" MESSAGE_SOURCE_HTTP "', '" LOAD_SOURCE "')"                                  \
    "    AND substring(idempotency_key FROM '^(.*-)[0-9]+$') = ANY ($1::text[])"

#define MESSAGES                                                                                        \
    "DECLARE found NO SCROLL CURSOR FOR SELECT id, idempotency_key, status,"                            \
    "  (status IN ('FAILED', 'EXPIRED', 'UNKNOWN')"                                                     \
    "   AND NOT EXISTS (SELECT FROM outbound_dead_letter l WHERE l.message_id = mine.id AND l.fence = " \
    "mine.fence)"                                                                                       \
    "   AND NOT EXISTS (SELECT FROM outbound_outbox o WHERE o.message_id = mine.id))::int4"             \
    "  FROM " MINE

#define ATTEMPTS                                                                               \
    "DECLARE found NO SCROLL CURSOR FOR SELECT a.outbound_message_id, a.attempt_no, a.outcome" \
    "  FROM outbound_attempt a WHERE a.outbound_message_id IN (SELECT id FROM " MINE ")"

typedef bool row_fn(struct ledger *ledger, const PGresult *rows, int row);

/* Two rows with one key are of two organisations: only one of them was asked for. */
static bool take_message(struct ledger *ledger, const PGresult *rows, int row)
{
    struct ledger_message *message = ledger_find(ledger, pg_text(rows, row, 1));
    struct uuid id;
    if (!message || !uuid_parse(PQgetvalue(rows, row, 0), (size_t)PQgetlength(rows, row, 0), &id) ||
        !ledger_set_id(ledger, message, &id)) {
        return true;
    }
    enum state state;
    if (!state_find(pg_text(rows, row, 2), &state)) {
        return false;
    }
    message->stored = true;
    message->state = state;
    message->letterless = pg_int(rows, row, 3);
    return true;
}

static bool take_attempt(struct ledger *ledger, const PGresult *rows, int row)
{
    struct uuid id;
    struct ledger_message *message = NULL;
    if (uuid_parse(PQgetvalue(rows, row, 0), (size_t)PQgetlength(rows, row, 0), &id)) {
        message = ledger_find_id(ledger, &id);
    }
    if (message) {
        ledger_add_attempt(message, (int32_t)pg_int(rows, row, 1), *PQgetvalue(rows, row, 2));
    }
    return true;
}

/* NULL, with the reason, when it failed. Without a value it may be several statements. */
static PGresult *ask(PGconn *connection, const char *sql, const char *value, struct error *error)
{
    PGresult *rows =
        value ? PQexecParams(connection, sql, 1, NULL, &value, NULL, NULL, 0) : PQexec(connection, sql);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK && PQresultStatus(rows) != PGRES_COMMAND_OK) {
        (void)error_set(error, "PostgreSQL: %.400s", PQerrorMessage(connection));
        error->text[strcspn(error->text, "\n")] = '\0';
        PQclear(rows);
        return NULL;
    }
    return rows;
}

static bool tell(PGconn *connection, const char *sql, const char *value, struct error *error)
{
    PGresult *rows = ask(connection, sql, value, error);
    PQclear(rows);
    return rows;
}

static bool read_all(PGconn *connection, const char *declare, const char *names, row_fn *take,
                     struct ledger *ledger, struct error *error)
{
    if (!tell(connection, declare, names, error)) {
        return false;
    }
    bool fine = true;
    for (int count = 1; fine && count > 0;) {
        PGresult *rows = ask(connection, FETCH, NULL, error);
        count = rows ? PQntuples(rows) : 0;
        fine = rows;
        for (int row = 0; fine && row < count; row++) {
            fine = take(ledger, rows, row) ||
                   error_set(error, "PostgreSQL: a message has a status that nobody knows");
        }
        PQclear(rows);
    }
    return fine && tell(connection, CLOSE, NULL, error);
}

/* "name-" of each key, once: those of one journal follow each other. As an array of PostgreSQL. */
static void list_names(const struct ledger *ledger, struct buffer *names)
{
    struct text last = {0};
    buffer_text(names, "{");
    for (const struct ledger_message *message = ledger_first(ledger); message;
         message = ledger_next(message)) {
        const char *dash = strrchr(message->key, '-');
        const struct text name = {message->key, dash ? (size_t)(dash - message->key) + 1 : 0};
        if (last.length != name.length ||
            memcmp(last.bytes ? last.bytes : "", name.bytes, name.length) != 0) {
            buffer_text(names, last.bytes ? "," : "");
            buffer_json_string(names, name.bytes,
                               name.length); /* quotes and backslashes as arrays have them */
            last = name;
        }
    }
    buffer_text(names, "}");
}

bool evidence_read_database(struct ledger *ledger, const struct config *config, struct error *error)
{
    PGconn *connection = pg_connect_blocking(config->database_url, "outbound check", error);
    if (!connection) {
        return false;
    }
    struct buffer names;
    buffer_init(&names, (size_t)16 * 1024 * 1024);
    list_names(ledger, &names);
    const bool fine = tell(connection, BEGIN, NULL, error) &&
                      read_all(connection, MESSAGES, names.bytes, take_message, ledger, error) &&
                      read_all(connection, ATTEMPTS, names.bytes, take_attempt, ledger, error);
    buffer_release(&names);
    PQfinish(connection);
    return fine;
}
