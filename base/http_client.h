/*
 * http_client.h - many HTTP requests at once on the event loop (libcurl's multi interface).
 *
 * A POST is sent once or not at all: where libcurl (7.88.1) would silently send it a second time, because
 * a kept-alive connection died, the exchange ends with an error that the caller judges. Redirects are not
 * followed.
 */
#ifndef BASE_HTTP_CLIENT_H
#define BASE_HTTP_CLIENT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buffer.h"

struct http_client;
struct http_exchange;

struct http_client_options {
    unsigned connect_timeout_ms; /* DNS, TCP and TLS */
    unsigned total_timeout_ms;
    unsigned max_connections;
    size_t response_limit; /* bytes of a response's body that are kept; the rest is read and dropped */
    bool plain_http;       /* http:// is allowed beside https:// */
    const char *ca_file;   /* PEM: whom a server's certificate must come from; NULL: whom the system trusts */
};

struct http_client *http_client_new(uv_loop_t *loop, const struct http_client_options *options);

/* All exchanges must have been freed. NULL is fine. */
void http_client_free(struct http_client *client);

/* What is known when an exchange has ended. */
struct http_result {
    CURLcode code; /* CURLE_OK: a whole response arrived */
    int status;    /* of the response; 0: none arrived */
    int64_t
        retry_after_s; /* of the header Retry-After, as seconds or as a date; negative: it is past; 0: none */
    bool may_be_received; /* bytes of the request may have reached the server */
    const char *error;    /* libcurl's words when `code` is not CURLE_OK */
    struct buffer *body;  /* of the response; cut at response_limit */
    int64_t duration_us;  /* from when libcurl had it: with many others, http_exchange_start() is a little
                             earlier */
};

typedef void http_done_fn(void *arg, const struct http_result *result);

/*
 * A place for one request at a time, used again and again: it keeps its libcurl handle and its buffers.
 */
struct http_exchange *http_exchange_new(struct http_client *client);
void http_exchange_free(struct http_exchange *exchange);

/* Where the caller writes the body of the next request; empty after http_exchange_free() and each end. */
struct buffer *http_exchange_body(struct http_exchange *exchange);

/* A header of the last response, or NULL. Valid in the done callback. */
const char *http_exchange_header(struct http_exchange *exchange, const char *name);

/*
 * What to ask whom, and as whom. The strings are libcurl's to copy; `headers` must live until the exchange
 * has ended.
 *
 * The signature of AWS (SigV4) covers the body, "Host" and all of `headers`: none of them may be empty,
 * because libcurl signs those too, but does not send them.
 */
struct http_call {
    const char *url;
    struct curl_slist *headers;
    const char *user; /* NULL: no credentials are sent */
    const char *password;
    const char *aws_sigv4; /* "aws:amz:REGION:SERVICE"; NULL: user and password go as HTTP Basic */
    bool get;              /* GETs instead, without a body; libcurl may send such a request a second time */
};

/* POSTs the body, soon after. `done(arg, …)` is called once, from the loop, not from within this call; it may
 * free the exchange. */
void http_exchange_start(struct http_exchange *exchange, const struct http_call *call, http_done_fn *done,
                         void *arg);

#endif
