/*
 * http_server.h - an HTTP/1.1 server on the event loop (libmicrohttpd).
 *
 * The handler is called once per request, when all of it has arrived. It answers at once or later; meanwhile
 * the connection waits and costs nothing.
 *
 * Request line and headers may have some 4,500 bytes, 64 less for each header: what is larger is answered
 * 431, as an idle connection would cost more otherwise.
 */
#ifndef BASE_HTTP_SERVER_H
#define BASE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"

struct http_server;
struct MHD_Connection;

struct http_request {
    const char *method;
    const char *path; /* without the query, decoded */
    struct buffer body;
    struct arena arena; /* lives as long as the request; for what its handling needs */
    bool too_large;     /* the body passed the server's limit and is not here */
    int64_t arrived_us; /* monotonic */
    struct http_server *server;
    struct MHD_Connection *connection;
    struct MHD_Response *response; /* set by http_respond(), not sent yet */
    int status;
    bool dispatched; /* the handler has it */
    bool suspended;
    void *user; /* the handler's own */
};

struct http_header {
    const char *name;
    const char *value; /* NULL: the header is left out */
};

typedef void http_handler_fn(void *arg, struct http_request *request);

struct http_server_options {
    const char *host; /* an IP address to listen on */
    uint16_t port;
    size_t body_limit;         /* bytes; larger bodies reach the handler as too_large */
    unsigned connection_limit; /* more are not accepted until one ends */
    unsigned idle_timeout_s;   /* for connections that send nothing; 0: none */
    http_handler_fn *on_request;
    /* Optional: called when the headers are there and before the body is read. False: cut the connection. */
    bool (*on_headers)(void *arg, struct http_request *request);
    /* Optional: called when the first part of the body is there. False: cut the connection. */
    bool (*on_body)(void *arg, struct http_request *request);
    void *arg;
};

MUST_CHECK struct http_server *http_server_open(uv_loop_t *loop, const struct http_server_options *options,
                                                struct error *error);

/* NULL when the request has no such header. Names compare without case. Valid as long as the request. */
const char *http_request_header(const struct http_request *request, const char *name);

/* The value of `?name=` in the query, or NULL. Decoded. */
const char *http_request_query(const struct http_request *request, const char *name);

/* Calls `take` for each parameter of the query, in order, decoded; `value` is "" for one without. */
void http_request_each_query(const struct http_request *request,
                             void (*take)(void *arg, const char *name, const char *value), void *arg);

/*
 * Answers a request; it must not be touched afterwards. `headers` ends with a NULL name and may be NULL. The
 * body is copied.
 */
void http_respond(struct http_request *request, int status, const struct http_header *headers,
                  const char *body, size_t body_length);

/*
 * A text that several answers share while they are sent, however slow their clients are: it goes away with
 * the last reference. Used on the loop only, but for the buffer while nobody else has a reference.
 */
struct http_text;

/* With one reference, the caller's. */
struct http_text *http_text_new(size_t limit);

/* To fill before it is shared. */
struct buffer *http_text_buffer(struct http_text *text);

/* Whether the caller's reference is the only one. */
bool http_text_is_ours(const struct http_text *text);

/* Gives the caller's reference back. NULL is fine. */
void http_text_release(struct http_text *text);

#define HTTP_TEXTS_MAX 2

/* The same as http_respond() with texts, one after the other, HTTP_TEXTS_MAX at most, that are not copied.
 * Takes references of its own. */
void http_respond_texts(struct http_request *request, int status, const struct http_header *headers,
                        struct http_text *const *texts, size_t count);

/* Sends `length` of the promised bytes of the body, then breaks the connection: for stand-ins of bad servers.
 */
void http_respond_broken(struct http_request *request, int status, size_t promised_length, const char *body,
                         size_t length);

/* Breaks the connection with a TCP reset, without an answer. */
void http_reset(struct http_request *request);

/* Requests that the handler has and has not answered. */
size_t http_server_pending(const struct http_server *server);

/* Takes no new connections and closes each one with its next answer. */
void http_server_drain(struct http_server *server);

/* All requests must have been answered. NULL is fine. */
void http_server_close(struct http_server *server);

#endif
