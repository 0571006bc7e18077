/*
 * pg.h - one PostgreSQL connection on the event loop, in libpq's pipeline mode.
 *
 * A call is one prepared statement in a transaction of its own. Calls are sent at once, one behind the
 * other, without waiting for answers, and are answered in order. The connection is made in the background
 * and made again when it is lost.
 */
#ifndef BASE_PG_H
#define BASE_PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/pg_params.h"
#include "base/text.h"

struct pg;

/* Static; the address is its identity. Values go in and come out as the comment beside the SQL says. */
struct pg_statement {
    const char *name;
    const char *sql;
    const char *operation; /* what it does, and to which table first; for metrics */
    const char *table;
};

enum pg_outcome {
    PG_DONE,    /* committed; `rows` has the answer */
    PG_REFUSED, /* the server said no: nothing was changed; `sqlstate` and `message` say why */
    PG_LOST,    /* no answer, or none that can be read: committed or not, nobody knows */
};

struct pg_reply {
    enum pg_outcome outcome;
    PGresult *rows; /* with PG_DONE; freed after the callback unless that sets it to NULL and so takes it */
    char sqlstate[6];
    const char *message;
};

typedef void pg_done_fn(void *arg, struct pg_reply *reply);

struct pg_options {
    const char *url;              /* a libpq connection string or URI */
    const char *application_name; /* seen in pg_stat_activity */
    unsigned timeout_ms;          /* an answer, or the connection itself, that takes longer counts as lost */
    void (*on_up)(void *arg);     /* each time a connection is ready; may be NULL */
    void *arg;
};

/*
 * The session always runs with synchronous_commit=on, whatever the server's default is: a commit that is
 * answered is on disk. It has outbound.role=on, by which triggers know it from a person's. The strings of
 * `options` are copied.
 */
struct pg *pg_open(uv_loop_t *loop, const struct pg_options *options);

/* Whether libpq can read it as a URI or connection string. Why not is not told: it would repeat secrets. */
MUST_CHECK bool pg_url_is_readable(const char *url);

/* Drops the connection; outstanding calls are answered PG_LOST before this returns. NULL is fine. */
void pg_close(struct pg *pg);

bool pg_is_up(const struct pg *pg);

/* Calls sent and not answered yet. */
size_t pg_outstanding(const struct pg *pg);

/* Why there is no connection now; "" when there is one. Valid until the next loop iteration. */
const char *pg_trouble(const struct pg *pg);

/*
 * Sends one call. False: there is no connection; nothing was sent and `done` will not be called. `params` is
 * read before this returns; NULL means none. `done` is never called from within pg_call().
 */
MUST_CHECK bool pg_call(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params,
                        pg_done_fn *done, void *arg);

/* Values of an answer: a number (0 for SQL's null), a text (NULL bytes for SQL's null), a NUL-terminated
 * string or NULL. */
int64_t pg_int(const PGresult *rows, int row, int column);
struct text pg_text(const PGresult *rows, int row, int column);
const char *pg_string(const PGresult *rows, int row, int column);

/* Bytes of a bytea; NULL for SQL's null. Free them with PQfreemem(). */
MUST_CHECK char *pg_bytes(const PGresult *rows, int row, int column, size_t *ret_length);

/*
 * For commands that run once and have nothing else to do: connects and waits. NULL, with the reason, when
 * that fails. Close with PQfinish().
 */
MUST_CHECK PGconn *pg_connect_blocking(const char *url, const char *application_name, struct error *error);

/*
 * The same for one call, which is a transaction of its own. NULL, with the reason, when it failed; then
 * `ret_sqlstate` says why as pg_reply has it ("" for a lost connection). Free the answer with PQclear().
 */
MUST_CHECK PGresult *pg_call_blocking(PGconn *connection, const struct pg_statement *statement,
                                      const struct pg_params *params, char ret_sqlstate[6],
                                      struct error *error);

#endif
