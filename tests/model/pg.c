/*
 * base/pg.h on the tables of database.c. A call travels to the server, is one transaction there, and its
 * answer travels back; a connection that breaks in between leaves its caller without an answer, and the
 * statement may still be executed, even a while later.
 */
#include "base/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "schemas/lifecycle.h"
#include "tests/model/invariants.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

#define RECONNECT_MS ((int64_t)100)
#define LATE_MAX_US (3 * SECOND)
#define CONNECTIONS_MAX 512

struct pg_call {
    struct pg_call *next;
    struct pg *pg;
    const struct pg_statement *statement;
    struct pg_params params;
    pg_done_fn *done;
    void *arg;
    struct answer answer;
    unsigned session;
    int64_t session_us; /* when it began */
    bool refused;
};

struct pg {
    struct process *process;
    unsigned life;
    const char *name;
    void (*on_up)(void *arg);
    void *arg;
    int64_t timeout_us;
    bool up;
    int64_t up_since_us;
    bool closed;
    unsigned session;      /* counts up with each connection that broke, from 1 */
    unsigned silent;       /* a session whose answers do not come any more */
    unsigned over;         /* up to this one the server has ended them, whether the process knows it or not */
    struct pg_call *first; /* not answered */
    struct pg_call **last;
    size_t outstanding;
    int64_t last_arrival_us;
    int64_t last_reply_us;
};

/* All values in one piece of the process's memory, which ends where it does. */
struct pg_result {
    int rows;
    int columns;
    char affected[24];
    struct text values[];
};

struct database database;
static bool server_is_up;
static struct pg *connections[CONNECTIONS_MAX];
static size_t connection_count;
static size_t on_their_way;

static void connect_at(struct pg *pg, int64_t at_us);

void postgres_reset(void)
{
    database_init(&database);
    server_is_up = true;
    connection_count = 0;
    on_their_way = 0;
}

static struct pg_result *result_of(const struct answer *answer)
{
    const size_t count = (size_t)answer->rows * (size_t)answer->columns;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += answer->values[i].length + 1;
    }
    struct pg_result *result = memory_new(sizeof *result + count * sizeof(struct text) + bytes);
    result->rows = answer->rows;
    result->columns = answer->columns;
    (void)snprintf(result->affected, sizeof result->affected, "%lld", (long long)answer->affected);
    char *at = (char *)(result->values + count);
    for (size_t i = 0; i < count; i++) {
        const struct text value = answer->values[i];
        if (value.bytes) {
            result->values[i] = (struct text){memcpy(at, value.bytes, value.length), value.length};
            at += value.length + 1;
        }
    }
    return result;
}

/* Answers what is outstanding; the caller's callbacks find the connection down. */
static void drop(struct pg *pg, const char *why)
{
    if (!pg->up) {
        return;
    }
    tell("connection to PostgreSQL (%s) breaks: %s", pg->name, why);
    pg->up = false;
    pg->session++;
    for (struct pg_call *call; (call = pg->first);) {
        pg->first = call->next;
        if (!pg->first) {
            pg->last = &pg->first;
        }
        pg->outstanding--;
        struct pg_reply reply = {.outcome = PG_LOST, .message = why};
        tell("%s: lost", call->statement->name);
        call->done(call->arg, &reply);
    }
    if (!pg->closed) {
        connect_at(pg, world_now_us() + RECONNECT_MS * MS);
    }
}

/* A break belongs to a session: the next connection knows nothing of it. */
struct drop {
    struct pg *pg;
    unsigned session;
};

static void on_drop(void *arg)
{
    const struct drop *what = arg;
    if (what->pg->session == what->session) {
        drop(what->pg, "no answer");
    }
}

static void drop_at(struct pg *pg, int64_t at_us)
{
    struct drop *what = WORLD_NEW(struct drop);
    *what = (struct drop){pg, pg->session};
    event_at(pg->process, at_us, on_drop, what);
}

static void on_reply(void *arg)
{
    struct pg_call *call = arg;
    struct pg *pg = call->pg;
    if (call->session != pg->session || pg->closed) {
        return;
    }
    pg->first = call->next;
    if (!pg->first) {
        pg->last = &pg->first;
    }
    pg->outstanding--;
    struct pg_reply reply = {.outcome = PG_DONE, .message = ""};
    if (*call->answer.sqlstate) {
        reply.outcome = PG_REFUSED;
        reply.message = "refused";
        (void)snprintf(reply.sqlstate, sizeof reply.sqlstate, "%s", call->answer.sqlstate);
        tell("%s: refused (%s)", call->statement->name, reply.sqlstate);
    } else {
        reply.rows = (PGresult *)result_of(&call->answer);
        if (call->answer.rows > 0) {
            tell("%s: done, %d rows", call->statement->name, call->answer.rows);
        }
        if (call->statement == &lifecycle_claim) {
            invariant_claim_answered(&call->answer, &call->params);
        }
    }
    call->done(call->arg, &reply);
    PQclear(reply.rows);
}

static void on_arrival(void *arg)
{
    struct pg_call *call = arg;
    struct pg *pg = call->pg;
    on_their_way--;
    const bool orphan = call->session != pg->session || process_life(pg->process) != pg->life;
    if (!server_is_up || call->session <= pg->over || (orphan && one_in(2))) {
        return; /* it was never read */
    }
    if (call->refused) {
        call->answer = (struct answer){.sqlstate = "53200"};
    } else {
        database.client = pg->process;
        database.session_us = call->session_us;
        call->answer = database_run(&database, call->statement, &call->params, world_wall_us());
        if (call->answer.rows > 0 || orphan) {
            tell("PostgreSQL: %s, %d rows%s", call->statement->name, call->answer.rows,
                 orphan ? ", for nobody" : "");
        }
    }
    if (orphan || pg->silent == pg->session) {
        return;
    }
    const int64_t now_us = world_now_us();
    const bool lost = one_in(faults.statement_lost);
    if (lost || one_in(faults.statement_slow)) {
        pg->silent = pg->session;
        drop_at(pg, now_us + (lost ? between(0, 5 * MS) : pg->timeout_us));
        return;
    }
    const int64_t at_us = now_us + between(100, one_in(20) ? 50 * MS : 2 * MS);
    pg->last_reply_us = at_us > pg->last_reply_us ? at_us : pg->last_reply_us;
    event_at(pg->process, pg->last_reply_us, on_reply, call);
}

static void on_connected(void *arg)
{
    struct pg *pg = arg;
    if (pg->closed || pg->up) {
        return;
    }
    if (!server_is_up) {
        connect_at(pg, world_now_us() + RECONNECT_MS * 3 * MS);
        return;
    }
    pg->up = true;
    pg->up_since_us = world_wall_us();
    if (pg->on_up) {
        pg->on_up(pg->arg);
    }
}

static void connect_at(struct pg *pg, int64_t at_us)
{
    event_at(pg->process, at_us + between(MS, 5 * MS), on_connected, pg);
}

void postgres_set_up(bool up)
{
    tell("PostgreSQL %s", up ? "is up" : "goes down");
    server_is_up = up;
    for (size_t i = 0; i < connection_count && !up; i++) {
        connections[i]->over = connections[i]->session - !connections[i]->up;
        if (process_life(connections[i]->process) == connections[i]->life) {
            drop_at(connections[i], world_now_us());
        }
    }
}

void postgres_break_connection(void)
{
    if (connection_count > 0) {
        struct pg *pg = connections[chance(connection_count)];
        if (process_life(pg->process) == pg->life) {
            drop_at(pg, world_now_us());
        }
    }
}

size_t postgres_statements(void)
{
    return on_their_way;
}

struct pg *pg_open(uv_loop_t *loop, const struct pg_options *options)
{
    (void)loop;
    struct pg *pg = WORLD_NEW(struct pg);
    *pg = (struct pg){.process = process_current(),
                      .life = process_life(process_current()),
                      .name = world_copy(options->application_name, strlen(options->application_name)),
                      .on_up = options->on_up,
                      .arg = options->arg,
                      .timeout_us = (int64_t)options->timeout_ms * MS,
                      .session = 1,
                      .last = &pg->first};
    if (connection_count == CONNECTIONS_MAX) { /* those of processes that are gone */
        memmove(connections, connections + 1, sizeof connections - sizeof *connections);
        connection_count--;
    }
    connections[connection_count++] = pg;
    connect_at(pg, world_now_us());
    return pg;
}

void pg_close(struct pg *pg)
{
    if (pg) {
        pg->closed = true;
        drop(pg, "closed");
    }
}

bool pg_is_up(const struct pg *pg)
{
    return pg->up;
}

size_t pg_outstanding(const struct pg *pg)
{
    return pg->outstanding;
}

const char *pg_trouble(const struct pg *pg)
{
    return pg->up ? "" : "down";
}

static void params_copy(const struct pg_params *from, struct pg_params *to)
{
    if (from) {
        *to = *from;
        to->bytes.bytes = world_copy(from->bytes.bytes, from->bytes.length);
    }
}

bool pg_call(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params,
             pg_done_fn *done, void *arg)
{
    if (!pg->up) {
        return false;
    }
    struct pg_call *call = WORLD_NEW(struct pg_call);
    *call = (struct pg_call){.pg = pg,
                             .statement = statement,
                             .done = done,
                             .arg = arg,
                             .session = pg->session,
                             .session_us = pg->up_since_us,
                             .refused = one_in(faults.statement_refused)};
    params_copy(params, &call->params);
    *pg->last = call;
    pg->last = &call->next;
    pg->outstanding++;
    on_their_way++;
    const int64_t now_us = world_now_us();
    int64_t at_us = now_us + between(50, one_in(20) ? 20 * MS : MS);
    if (one_in(faults.statement_lost)) {
        /* It lies in some buffer, and arrives when nobody waits for it any more, or never. */
        pg->silent = pg->session;
        drop_at(pg, now_us + between(0, 5 * MS));
        at_us = now_us + between(0, LATE_MAX_US);
    }
    pg->last_arrival_us = at_us > pg->last_arrival_us ? at_us : pg->last_arrival_us;
    event_at(NULL, pg->last_arrival_us, on_arrival, call);
    return true;
}

int64_t pg_int(const PGresult *rows, int row, int column)
{
    return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

struct text pg_text(const PGresult *rows, int row, int column)
{
    if (PQgetisnull(rows, row, column)) {
        return (struct text){0};
    }
    return (struct text){PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column)};
}

const char *pg_string(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column) ? NULL : PQgetvalue(rows, row, column);
}

static int digit_of(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/* "\x" and hexadecimal digits. */
char *pg_bytes(const PGresult *rows, int row, int column, size_t *ret_length)
{
    const struct text text = pg_text(rows, row, column);
    if (!text.bytes) {
        *ret_length = 0;
        return NULL;
    }
    *ret_length = (text.length - 2) / 2;
    char *bytes = malloc(*ret_length + 1);
    for (size_t i = 0; i < *ret_length; i++) {
        bytes[i] = (char)(digit_of(text.bytes[2 * i + 2]) << 4 | digit_of(text.bytes[2 * i + 3]));
    }
    return bytes;
}

bool pg_url_is_readable(const char *url)
{
    return url && *url;
}

/* libpq's results: the linker gives us the product's calls (-Wl,--wrap). */

int __wrap_PQntuples(const PGresult *rows);
int __wrap_PQgetisnull(const PGresult *rows, int row, int column);
int __wrap_PQgetlength(const PGresult *rows, int row, int column);
char *__wrap_PQgetvalue(const PGresult *rows, int row, int column);
char *__wrap_PQcmdTuples(PGresult *rows);
void __wrap_PQclear(PGresult *rows);
void __wrap_PQfreemem(void *bytes);

static const struct text *value_of(const PGresult *rows, int row, int column)
{
    const struct pg_result *result = (const struct pg_result *)rows;
    if (row < 0 || row >= result->rows || column < 0 || column >= result->columns) {
        abort();
    }
    return &result->values[(size_t)row * (size_t)result->columns + (size_t)column];
}

int __wrap_PQntuples(const PGresult *rows)
{
    return rows ? ((const struct pg_result *)rows)->rows : 0;
}

int __wrap_PQgetisnull(const PGresult *rows, int row, int column)
{
    return !value_of(rows, row, column)->bytes;
}

int __wrap_PQgetlength(const PGresult *rows, int row, int column)
{
    return (int)value_of(rows, row, column)->length;
}

char *__wrap_PQgetvalue(const PGresult *rows, int row, int column)
{
    const struct text *value = value_of(rows, row, column);
    return value->bytes ? (char *)(uintptr_t)value->bytes : (char *)(uintptr_t) "";
}

char *__wrap_PQcmdTuples(PGresult *rows)
{
    return ((struct pg_result *)rows)->affected;
}

void __wrap_PQclear(PGresult *rows)
{
    free(rows);
}

void __wrap_PQfreemem(void *bytes)
{
    free(bytes);
}
