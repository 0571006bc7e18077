#include "base/http_client.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/curl_loop.h"
#include "base/fail_point.h"
#include "base/memory.h"

/* Above this libcurl would first ask "Expect: 100-continue". */
#define BODY_LIMIT ((size_t)1024 * 1024)
/* An idle connection older than this is likely to be closed by the other side just when we write. */
#define IDLE_CONNECTION_MAX_S 50L
/*
 * Requests of one moment start so many at a time; before the next ones, the answers that have come are read
 * (this timer and libcurl's, in curl_loop.c, take turns). Their connections are used again while both sides
 * still have them in their caches: hundreds at once would take a connection each.
 */
#define WAVE 32

struct http_client {
    struct http_client_options options;
    struct curl_loop *transfers;
    struct http_exchange *waiting; /* to start; oldest first */
    uv_timer_t start;
};

struct http_exchange {
    struct http_client *client;
    struct http_exchange *prev, *next; /* while it waits to start */
    bool waiting;
    CURL *easy; /* of the last request; NULL: there was none yet */
    struct buffer request;
    struct buffer response;
    char error[CURL_ERROR_SIZE];
    bool began;       /* libcurl was about to send the request */
    long size_before; /* what it had written by then: a CONNECT to a proxy */
    int64_t started_us;
    bool get;
    http_done_fn *done;
    void *arg;
};

/*
 * Whether libcurl may have written a byte of the request, in whichever try. It counts the first write alone
 * (REQUEST_SIZE), and that one may end with nothing written and the rest to follow. From then on the time of
 * PRETRANSFER is set; when the first write fails it is not (multi.c of 7.88.1, MSTATE_DO).
 */
static bool may_have_left(const struct http_exchange *exchange)
{
    long request_size = 0;
    curl_off_t pretransfer_us = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &request_size);
    curl_easy_getinfo(exchange->easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
    return exchange->began && (request_size > exchange->size_before || pretransfer_us > 0);
}

/*
 * libcurl calls this before each try to send the request. When a kept-alive connection turns out to be dead
 * it tries again on a new one: fine as long as nothing has left, and after that not for libcurl to decide.
 */
// NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's
static int before_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct http_exchange *exchange = arg;
    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    if (!exchange->began) {
        exchange->began = true;
        curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &exchange->size_before);
        return CURL_PREREQFUNC_OK;
    }
    return !exchange->get && may_have_left(exchange) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

#ifdef OUTBOUND_FAIL_POINTS
/* libcurl tells what it has written only here, and at a price. */
// NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's
static int on_traced(CURL *easy, curl_infotype what, char *bytes, size_t size, void *arg)
{
    (void)easy;
    (void)bytes;
    (void)size;
    (void)arg;
    if (what == CURLINFO_DATA_OUT) {
        FAIL_POINT("http.written");
    }
    return 0;
}
#endif

static const char *error_text(const struct http_exchange *exchange, CURLcode code)
{
    if (code == CURLE_ABORTED_BY_CALLBACK) { /* by before_sending() */
        return "the connection ended after the request had begun";
    }
    return *exchange->error ? exchange->error : curl_easy_strerror(code);
}

static void finish(void *transfer, CURLcode code)
{
    struct http_exchange *exchange = transfer;
    curl_loop_remove(exchange->client->transfers, exchange->easy);
    long status = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(exchange->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    const struct http_result result = {
        .code = code,
        .status = (int)status,
        .retry_after_s = retry_after_s,
        .may_be_received = may_have_left(exchange),
        .error = error_text(exchange, code),
        .body = &exchange->response,
        .duration_us = clock_monotonic_us() - exchange->started_us,
    };
    buffer_clear(&exchange->request);
    exchange->done(exchange->arg, &result);
}

struct http_client *http_client_new(uv_loop_t *loop, const struct http_client_options *options)
{
    struct http_client *client = NEW(struct http_client);
    client->options = *options;
    client->transfers = curl_loop_new(loop, options->max_connections, finish);
    uv_timer_init(loop, &client->start);
    client->start.data = client;
    return client;
}

static void on_timer_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void http_client_free(struct http_client *client)
{
    if (!client) {
        return;
    }
    curl_loop_free(client->transfers);
    uv_close((uv_handle_t *)&client->start, on_timer_closed);
}

static size_t write_response(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_exchange *exchange = arg;
    const size_t room = exchange->response.limit - exchange->response.length;
    const size_t length = size * count;
    buffer_append(&exchange->response, bytes, length < room ? length : room);
    return length;
}

/*
 * A handle is used once. On its second transfer libcurl 7.88.1 takes a folded line for the continuation of
 * the last header, if it comes before any other: that of the first transfer, which is freed (curl issue
 * 11101, mended after 8.1.0).
 */
static CURL *easy_new(struct http_exchange *exchange)
{
    const struct http_client *client = exchange->client;
    CURL *easy = curl_easy_init();
    if (!easy) {
        memory_stop();
    }
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
                     1L); /* or a slow look-up of a name stops the loop until it ends */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, client->options.plain_http ? "https,http" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (client->options.ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, client->options.ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* nobody else is trusted */
    }
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)client->options.connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)client->options.total_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_MAX_S);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_response);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
#ifdef OUTBOUND_FAIL_POINTS
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_traced);
#endif
    return easy;
}

static void stop_waiting(struct http_exchange *exchange)
{
    if (exchange->waiting) {
        DL_DELETE(exchange->client->waiting, exchange);
        exchange->waiting = false;
    }
}

static void easy_free(struct http_exchange *exchange)
{
    stop_waiting(exchange);
    if (exchange->easy) {
        curl_loop_remove(exchange->client->transfers, exchange->easy);
        curl_easy_cleanup(exchange->easy);
    }
}

struct http_exchange *http_exchange_new(struct http_client *client)
{
    struct http_exchange *exchange = NEW(struct http_exchange);
    exchange->client = client;
    buffer_init(&exchange->request, BODY_LIMIT);
    buffer_init(&exchange->response, client->options.response_limit);
    return exchange;
}

void http_exchange_free(struct http_exchange *exchange)
{
    if (!exchange) {
        return;
    }
    easy_free(exchange);
    buffer_release(&exchange->request);
    buffer_release(&exchange->response);
    free(exchange);
}

struct buffer *http_exchange_body(struct http_exchange *exchange)
{
    return &exchange->request;
}

const char *http_exchange_header(struct http_exchange *exchange, const char *name)
{
    struct curl_header *header;
    return curl_easy_header(exchange->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value
                                                                                             : NULL;
}

static void on_start(uv_timer_t *timer)
{
    struct http_client *client = timer->data;
    for (int count = 0; client->waiting && count < WAVE; count++) {
        struct http_exchange *exchange = client->waiting;
        stop_waiting(exchange);
        exchange->started_us = clock_monotonic_us();
        curl_loop_add(client->transfers, exchange->easy, exchange);
    }
    if (client->waiting) {
        uv_timer_start(timer, on_start, 0, 0);
    }
}

void http_exchange_start(struct http_exchange *exchange, const struct http_call *call, http_done_fn *done,
                         void *arg)
{
    exchange->done = done;
    exchange->arg = arg;
    exchange->error[0] = '\0';
    exchange->began = false;
    exchange->get = call->get;
    buffer_clear(&exchange->response);
    easy_free(exchange);
    CURL *easy = exchange->easy = easy_new(exchange);
    curl_easy_setopt(easy, CURLOPT_URL, call->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_USERNAME, call->user);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, call->password);
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, call->aws_sigv4); /* not NULL: replaces BASIC */
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->request.length);
    /* From one piece of memory head and body leave in one write, and can be signed. */
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange->request.bytes ? exchange->request.bytes : "");
    /* After POSTFIELDS, which makes any request a POST. */
    curl_easy_setopt(easy, call->get ? CURLOPT_HTTPGET : CURLOPT_POST, 1L);
    struct http_client *client = exchange->client;
    exchange->waiting = true;
    DL_APPEND(client->waiting, exchange);
    if (!uv_is_active((uv_handle_t *)&client->start)) {
        uv_timer_start(&client->start, on_start, 0, 0);
    }
}
