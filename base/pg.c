/*
 * A connection moves CONNECTING → UP → DOWN → CONNECTING …; connection_drop() is the only way out of UP.
 * Every call is followed by a Sync of its own, so that each is a transaction of its own and an error in one
 * does not abort those behind it.
 */
#include "base/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/watch.h"

#define RECONNECT_FIRST_MS 100
#define RECONNECT_LAST_MS 2000
#define WATCHDOG_MS 250
#define STATEMENTS_MAX 32

/*
 * outbound.role tells triggers that the statement is the program's own, not typed by a person.
 *
 * Plans are made once, often when a table is empty, and used when it holds millions of rows. So what looks
 * cheap on an empty table must not be chosen: every statement finds its rows by an index. (The planner makes
 * what is switched off look very dear; without jit=off it would compile such plans.)
 */
#define SESSION_OPTIONS                                                                           \
    "-c synchronous_commit=on -c TimeZone=UTC -c default_transaction_isolation=read\\ committed " \
    "-c IntervalStyle=iso_8601 -c plan_cache_mode=force_generic_plan -c outbound.role=on "        \
    "-c enable_seqscan=off -c enable_nestloop=off -c enable_mergejoin=off -c jit=off"

enum state { DOWN, CONNECTING, UP };

struct call {
    struct call *next;
    pg_done_fn *done;
    void *arg;
    const struct pg_statement *statement;
    int64_t sent_us;
    PGresult *result;                    /* the first error, else the last result */
    const struct pg_statement *prepares; /* what is prepared with it and not answered yet; NULL: nothing */
};

struct pg {
    uv_loop_t *loop;
    char *url;
    char *application_name;
    unsigned timeout_ms;
    void (*on_up)(void *arg);
    void *arg;

    enum state state;
    bool complained; /* that there is no connection */
    bool broken;     /* libpq refused a call: the watchdog drops the connection */
    PGconn *connection;
    uv_poll_t *poll; /* on the connection's socket; closed with it */
    int poll_fd;
    int64_t connecting_since_ms;
    uv_timer_t *retry;    /* while DOWN */
    uv_timer_t *watchdog; /* while an answer or a connection is waited for */
    unsigned backoff_ms;
    char trouble[512];

    struct call *first;  /* oldest call not answered */
    int64_t answered_us; /* when the one before it was: the server begins with the one, and counts, when it is
                            done with the other */
    struct call **last;
    size_t outstanding;
    const struct pg_statement *prepared[STATEMENTS_MAX];
    size_t prepared_count;
};

static void connection_start(struct pg *pg);
static void on_socket(uv_poll_t *poll, int status, int events);
static void on_watchdog(uv_timer_t *timer);

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void close_handle(void *handle)
{
    if (handle) {
        uv_close(handle, free_handle);
    }
}

static uv_timer_t *timer_new(struct pg *pg)
{
    uv_timer_t *timer = NEW(uv_timer_t);
    uv_timer_init(pg->loop, timer);
    timer->data = pg;
    return timer;
}

/* Watches the connection's socket, which libpq may replace while it connects. */
static void watch(struct pg *pg, int events)
{
    const int fd = PQsocket(pg->connection);
    if (pg->poll && pg->poll_fd != fd) {
        close_handle(pg->poll);
        pg->poll = NULL;
    }
    if (!pg->poll) {
        pg->poll = NEW(uv_poll_t);
        pg->poll_fd = fd;
        uv_poll_init(pg->loop, pg->poll, fd);
        pg->poll->data = pg;
    }
    uv_poll_start(pg->poll, events, on_socket);
}

static void forget_prepared(struct pg *pg, const struct pg_statement *statement)
{
    for (size_t i = 0; i < pg->prepared_count; i++) {
        if (pg->prepared[i] == statement) {
            pg->prepared[i] = pg->prepared[--pg->prepared_count];
            return;
        }
    }
}

static void answer(struct pg *pg, enum pg_outcome outcome)
{
    struct call *call = pg->first;
    pg->first = call->next;
    if (!pg->first) {
        pg->last = &pg->first;
    }
    pg->outstanding--;

    struct pg_reply reply = {.outcome = outcome, .message = pg->trouble};
    if (outcome == PG_DONE) {
        reply.rows = call->result;
        call->result = NULL;
    }
    if (outcome == PG_REFUSED) {
        const char *sqlstate = PQresultErrorField(call->result, PG_DIAG_SQLSTATE);
        const char *message = PQresultErrorField(call->result, PG_DIAG_MESSAGE_PRIMARY);
        (void)snprintf(reply.sqlstate, sizeof reply.sqlstate, "%s", sqlstate ? sqlstate : "");
        reply.message = message ? message : PQresultErrorMessage(call->result);
    }
    if (outcome == PG_REFUSED && call->prepares) {
        forget_prepared(pg, call->prepares); /* that was refused: the next call tries again */
    }
    pg->answered_us = clock_monotonic_us();
    watch_statement(call->statement, pg->answered_us - call->sent_us);
    call->done(call->arg, &reply);
    PQclear(reply.rows);
    PQclear(call->result);
    free(call);
}

static void on_retry(uv_timer_t *timer)
{
    connection_start(timer->data);
}

static void connection_drop(struct pg *pg, const char *why)
{
    (void)snprintf(pg->trouble, sizeof pg->trouble, "%s", why);
    pg->trouble[strcspn(pg->trouble, "\n")] = '\0';
    if (!pg->complained) { /* once until it is up again: each further try would say the same */
        pg->complained = true;
        log_warn("no connection to PostgreSQL (%s), trying again: %s", pg->application_name, pg->trouble);
    }
    if (pg->state == UP) {
        watch_connection(-1);
    }
    pg->state = DOWN;
    pg->broken = false;
    close_handle(pg->poll);
    pg->poll = NULL;
    PQfinish(pg->connection);
    pg->connection = NULL;
    pg->prepared_count = 0;
    uv_timer_start(pg->retry, on_retry, pg->backoff_ms, 0);
    pg->backoff_ms = pg->backoff_ms * 2 > RECONNECT_LAST_MS ? RECONNECT_LAST_MS : pg->backoff_ms * 2;

    /* Callbacks may want to call again: they find the connection down, which is what we are. */
    for (size_t left = pg->outstanding; left > 0; left--) {
        answer(pg, PG_LOST);
    }
}

/*
 * Whether the session has our options. IntervalStyle is the one of them that a server reports by itself, and
 * nothing here needs it otherwise. Without them, commits need not be durable, and the triggers take roles for
 * people.
 */
static bool has_options(PGconn *connection, struct error *error)
{
    const char *style = PQparameterStatus(connection, "IntervalStyle");
    return (style && strcmp(style, "iso_8601") == 0) ||
           error_set(
               error,
               "the session has not our settings: does a pooler ignore the startup parameter `options`?");
}

static void connection_up(struct pg *pg)
{
    struct error error;
    if (!has_options(pg->connection, &error)) {
        connection_drop(pg, error.text);
        return;
    }
    if (PQsetnonblocking(pg->connection, 1) != 0 || PQenterPipelineMode(pg->connection) != 1) {
        connection_drop(pg, PQerrorMessage(pg->connection));
        return;
    }
    pg->state = UP;
    watch_connection(1);
    pg->backoff_ms = RECONNECT_FIRST_MS;
    pg->trouble[0] = '\0';
    if (pg->complained) {
        pg->complained = false;
        log_info("connected to PostgreSQL (%s)", pg->application_name);
    }
    watch(pg, UV_READABLE);
    if (pg->on_up) {
        pg->on_up(pg->arg);
    }
}

/*
 * The user's own `options` go first, so that ours win. A statement is given up by the server (0: never)
 * before we would give up waiting: otherwise it could take effect long after.
 */
static PGconn *connect_start(const char *url, const char *application_name, unsigned statement_timeout_ms,
                             bool block)
{
    struct buffer options;
    buffer_init(&options, 65536);
    PQconninfoOption *given = PQconninfoParse(url, NULL);
    if (!given) {
        memory_stop(); /* it was readable before (pg_url_is_readable) */
    }
    for (PQconninfoOption *option = given; option && option->keyword; option++) {
        if (strcmp(option->keyword, "options") == 0 && option->val) {
            buffer_format(&options, "%s ", option->val);
        }
    }
    PQconninfoFree(given);
    const char *const keywords[] = {"dbname", "application_name", "options", "client_encoding", NULL};
    buffer_text(&options, SESSION_OPTIONS);
    buffer_format(&options, " -c statement_timeout=%u", statement_timeout_ms);
    const char *const values[] = {url, application_name, options.bytes, "UTF8", NULL};
    PGconn *connection =
        block ? PQconnectdbParams(keywords, values, 1) : PQconnectStartParams(keywords, values, 1);
    buffer_release(&options);
    return connection;
}

static void watch_over(struct pg *pg)
{
    if (!uv_is_active((uv_handle_t *)pg->watchdog)) {
        uv_timer_start(pg->watchdog, on_watchdog, WATCHDOG_MS, WATCHDOG_MS);
    }
}

static void connection_start(struct pg *pg)
{
    pg->connection =
        connect_start(pg->url, pg->application_name, pg->timeout_ms - pg->timeout_ms / 10, false);
    pg->state = CONNECTING;
    pg->connecting_since_ms = clock_monotonic_ms();
    if (!pg->connection || PQstatus(pg->connection) == CONNECTION_BAD) {
        connection_drop(pg, pg->connection ? PQerrorMessage(pg->connection) : "out of memory");
        return;
    }
    watch(pg, UV_WRITABLE);
    watch_over(pg);
}

static void connection_proceed(struct pg *pg)
{
    switch (PQconnectPoll(pg->connection)) {
    case PGRES_POLLING_READING:
        watch(pg, UV_READABLE);
        break;
    case PGRES_POLLING_WRITING:
        watch(pg, UV_WRITABLE);
        break;
    case PGRES_POLLING_OK:
        connection_up(pg);
        break;
    default:
        connection_drop(pg, PQerrorMessage(pg->connection));
    }
}

/* For no result PQresultStatus() says the same as for an error. */
static bool is_error(const PGresult *result)
{
    return result && PQresultStatus(result) == PGRES_FATAL_ERROR;
}

/*
 * Each error of the server has an SQLSTATE. One without is libpq's: no memory for an answer, or one that it
 * cannot read. What was asked for may have been done all the same.
 */
static bool is_error_of_libpq(const PGresult *result)
{
    return is_error(result) && !PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

/* Takes one result; an answer is complete when its Sync comes back. */
static void take_result(struct pg *pg, PGresult *result)
{
    struct call *call = pg->first;
    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        PQclear(result);
        if (call) {
            answer(pg, is_error(call->result) ? PG_REFUSED : PG_DONE);
        }
        return;
    case PGRES_PIPELINE_ABORTED: /* behind an error that we keep */
        PQclear(result);
        return;
    default:
        if (is_error_of_libpq(result)) {
            connection_drop(pg, PQresultErrorMessage(result));
            PQclear(result);
            return;
        }
        if (!call || is_error(call->result)) {
            PQclear(result);
            return;
        }
        if (call->prepares && PQresultStatus(result) == PGRES_COMMAND_OK) {
            call->prepares = NULL; /* its own result comes first */
            PQclear(result);
            return;
        }
        PQclear(call->result);
        call->result = result;
    }
}

static void flush(struct pg *pg)
{
    const int left = PQflush(pg->connection);
    if (left < 0) {
        connection_drop(pg, PQerrorMessage(pg->connection));
    } else {
        watch(pg, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
    }
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct pg *pg = poll->data;
    if (pg->state == CONNECTING) {
        connection_proceed(pg);
        return;
    }
    if (status < 0 || ((events & UV_READABLE) && !PQconsumeInput(pg->connection))) {
        connection_drop(pg, status < 0 ? uv_strerror(status) : PQerrorMessage(pg->connection));
        return;
    }
    int empty = 0;
    while (pg->state == UP && pg->first && !PQisBusy(pg->connection)) {
        PGresult *result = PQgetResult(pg->connection);
        if (result) {
            empty = 0;
            take_result(pg, result);
        } else if (++empty > 1) { /* one NULL ends each statement's results; two mean that no more came */
            break;
        }
    }
    if (pg->state == UP && PQstatus(pg->connection) == CONNECTION_BAD) {
        connection_drop(pg, PQerrorMessage(pg->connection));
    } else if (pg->state == UP && (events & UV_WRITABLE)) {
        flush(pg);
    }
}

static int64_t oldest_begun_ms(const struct pg *pg)
{
    return (pg->first->sent_us > pg->answered_us ? pg->first->sent_us : pg->answered_us) / 1000;
}

static void on_watchdog(uv_timer_t *timer)
{
    struct pg *pg = timer->data;
    const int64_t now_ms = clock_monotonic_ms();
    if (pg->state == CONNECTING && now_ms - pg->connecting_since_ms > pg->timeout_ms) {
        connection_drop(pg, "connecting took too long");
    } else if (pg->broken) {
        connection_drop(pg, PQerrorMessage(pg->connection));
    } else if (pg->state == UP && pg->first && now_ms - oldest_begun_ms(pg) > pg->timeout_ms) {
        connection_drop(pg, "no answer in time");
    } else if (pg->state != CONNECTING && !pg->first) {
        uv_timer_stop(timer); /* nothing to watch over: the next call starts it */
    }
}

bool pg_url_is_readable(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    PQconninfoFree(options);
    return options;
}

struct pg *pg_open(uv_loop_t *loop, const struct pg_options *options)
{
    struct pg *pg = NEW(struct pg);
    pg->loop = loop;
    pg->url = memory_strdup(options->url);
    pg->application_name = memory_strdup(options->application_name);
    pg->timeout_ms = options->timeout_ms;
    pg->on_up = options->on_up;
    pg->arg = options->arg;
    pg->last = &pg->first;
    pg->backoff_ms = RECONNECT_FIRST_MS;
    pg->retry = timer_new(pg);
    pg->watchdog = timer_new(pg);
    connection_start(pg);
    return pg;
}

void pg_close(struct pg *pg)
{
    if (!pg) {
        return;
    }
    pg->on_up = NULL;
    pg->complained = true; /* nothing to say about this one */
    if (pg->connection) {
        connection_drop(pg, "closed");
    }
    close_handle(pg->retry);
    close_handle(pg->watchdog);
    free(pg->url);
    free(pg->application_name);
    free(pg);
}

bool pg_is_up(const struct pg *pg)
{
    return pg->state == UP && !pg->broken;
}

size_t pg_outstanding(const struct pg *pg)
{
    return pg->outstanding;
}

const char *pg_trouble(const struct pg *pg)
{
    return pg->state == UP ? "" : pg->trouble;
}

/* *ret_prepares is the statement if it had to be prepared, else NULL. */
static bool prepare_once(struct pg *pg, const struct pg_statement *statement,
                         const struct pg_statement **ret_prepares)
{
    *ret_prepares = NULL;
    for (size_t i = 0; i < pg->prepared_count; i++) {
        if (pg->prepared[i] == statement) {
            return true;
        }
    }
    if (pg->prepared_count == STATEMENTS_MAX) {
        abort(); /* a statement was made at run time: they are static */
    }
    pg->prepared[pg->prepared_count++] = statement;
    *ret_prepares = statement;
    return PQsendPrepare(pg->connection, statement->name, statement->sql, 0, NULL) == 1;
}

static void values_of(const struct pg_params *params, const char *ret_values[], int ret_formats[])
{
    for (int i = 0; params && i < params->count; i++) {
        /* A value of no bytes has an address, too: without one it would be SQL's null. */
        const char *bytes = params->bytes.bytes ? params->bytes.bytes + params->offsets[i] : "";
        ret_values[i] = params->lengths[i] < 0 ? NULL : bytes;
        ret_formats[i] = 1;
    }
}

bool pg_call(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params,
             pg_done_fn *done, void *arg)
{
    if (!pg_is_up(pg) || (params && params->bytes.overflow)) {
        return false;
    }
    const char *values[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    const int count = params ? params->count : 0;
    values_of(params, values, formats);
    const struct pg_statement *prepares;
    if (!prepare_once(pg, statement, &prepares) ||
        PQsendQueryPrepared(pg->connection, statement->name, count, values, params ? params->lengths : NULL,
                            formats, 0) != 1 ||
        PQpipelineSync(pg->connection) != 1) {
        pg->broken = true;
        uv_timer_start(pg->watchdog, on_watchdog, 0, WATCHDOG_MS);
        return false;
    }
    struct call *call = NEW(struct call);
    *call = (struct call){.done = done,
                          .arg = arg,
                          .statement = statement,
                          .sent_us = clock_monotonic_us(),
                          .prepares = prepares};
    *pg->last = call;
    pg->last = &call->next;
    pg->outstanding++;
    watch_over(pg);
    if (PQflush(pg->connection) != 0) {
        /* Not all written, or broken: the socket's next event tells, and answers the call. */
        watch(pg, UV_READABLE | UV_WRITABLE);
    }
    return true;
}

int64_t pg_int(const PGresult *rows, int row, int column)
{
    return strtoll(PQgetvalue(rows, row, column), NULL, 10);
}

struct text pg_text(const PGresult *rows, int row, int column)
{
    return (struct text){pg_string(rows, row, column), (size_t)PQgetlength(rows, row, column)};
}

const char *pg_string(const PGresult *rows, int row, int column)
{
    return PQgetisnull(rows, row, column) ? NULL : PQgetvalue(rows, row, column);
}

char *pg_bytes(const PGresult *rows, int row, int column, size_t *ret_length)
{
    *ret_length = 0;
    const char *text = pg_string(rows, row, column);
    if (!text) {
        return NULL;
    }
    char *bytes = (char *)PQunescapeBytea((const unsigned char *)text, ret_length);
    if (!bytes) {
        memory_stop();
    }
    return bytes;
}

PGconn *pg_connect_blocking(const char *url, const char *application_name, struct error *error)
{
    PGconn *connection = connect_start(url, application_name, 0, true);
    if (PQstatus(connection) != CONNECTION_OK) {
        char reason[400];
        (void)snprintf(reason, sizeof reason, "%s", PQerrorMessage(connection));
        reason[strcspn(reason, "\n")] = '\0';
        (void)error_set(error, "cannot connect to PostgreSQL (DATABASE_URL): %s", reason);
        PQfinish(connection);
        return NULL;
    }
    if (!has_options(connection, error)) {
        PQfinish(connection);
        return NULL;
    }
    return connection;
}

PGresult *pg_call_blocking(PGconn *connection, const struct pg_statement *statement,
                           const struct pg_params *params, char ret_sqlstate[6], struct error *error)
{
    const char *values[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    values_of(params, values, formats);
    PGresult *result = PQexecParams(connection, statement->sql, params ? params->count : 0, NULL, values,
                                    params ? params->lengths : NULL, formats, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK) {
        return result;
    }
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    (void)snprintf(ret_sqlstate, 6, "%s", sqlstate ? sqlstate : "");
    (void)error_set(error, "PostgreSQL: %s", PQerrorMessage(connection));
    error->text[strcspn(error->text, "\n")] = '\0';
    PQclear(result);
    return NULL;
}
