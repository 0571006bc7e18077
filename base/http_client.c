/*
 * libcurl's sockets live in an epoll set of their own, of which the loop watches one descriptor: connections
 * come and go with each request, and one nested set makes that two system calls and no handle.
 */
#include "base/http_client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define EVENTS_MAX 128
/* Above this libcurl would first ask "Expect: 100-continue". */
#define BODY_LIMIT ((size_t)1024 * 1024)
/* An idle connection older than this is likely to be closed by the other side just when we write. */
#define IDLE_CONNECTION_MAX_S 50L

struct http_client {
    struct http_client_options options;
    CURLM *multi;
    int epoll_fd;
    uv_poll_t poll;
    uv_timer_t timer;
    int closing_handles;
};

struct http_exchange {
    struct http_client *client;
    CURL *easy;
    struct buffer request;
    struct buffer response;
    char error[CURL_ERROR_SIZE];
    int64_t started_us;
    http_done_fn *done;
    void *arg;
};

/*
 * Whether libcurl may have written a byte of the request, in whichever try. It counts the first write alone
 * (REQUEST_SIZE), and that one may end with nothing written and the rest to follow. From then on the time of
 * PRETRANSFER is set; when the first write fails it is not (multi.c of 7.88.1, MSTATE_DO).
 */
static bool may_have_left(CURL *easy)
{
    long request_size = 0;
    curl_off_t pretransfer_us = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_size);
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
    return request_size > 0 || pretransfer_us > 0;
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
    return may_have_left(exchange->easy) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static const char *error_text(const struct http_exchange *exchange, CURLcode code)
{
    if (code == CURLE_ABORTED_BY_CALLBACK) { /* by before_sending() */
        return "the connection ended after the request had begun";
    }
    return *exchange->error ? exchange->error : curl_easy_strerror(code);
}

static void finish(struct http_exchange *exchange, CURLcode code)
{
    long status = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(exchange->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    const struct http_result result = {
        .code = code,
        .status = (int)status,
        .retry_after_s = retry_after_s,
        .may_be_received = may_have_left(exchange->easy),
        .error = error_text(exchange, code),
        .body = &exchange->response,
        .duration_us = clock_monotonic_us() - exchange->started_us,
    };
    buffer_clear(&exchange->request);
    exchange->done(exchange->arg, &result);
}

static void take_finished(struct http_client *client)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(client->multi, &left))) {
        struct http_exchange *exchange;
        const CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
        curl_multi_remove_handle(client->multi, message->easy_handle);
        finish(exchange, code);
    }
}

static void on_epoll(uv_poll_t *poll, int status, int events)
{
    struct http_client *client = poll->data;
    (void)status;
    (void)events;
    struct epoll_event ready[EVENTS_MAX];
    int running;
    const int count = epoll_wait(client->epoll_fd, ready, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        const int what = ((ready[i].events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
                         ((ready[i].events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
                         ((ready[i].events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(client->multi, ready[i].data.fd, what, &running);
    }
    take_finished(client);
}

static void on_timer(uv_timer_t *timer)
{
    struct http_client *client = timer->data;
    int running;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(client);
}

static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct http_client *client = arg;
    (void)multi;
    if (timeout_ms < 0) {
        uv_timer_stop(&client->timer);
    } else {
        uv_timer_start(&client->timer, on_timer, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct http_client *client = arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event event = {.data.fd = fd,
                                .events = ((what & CURL_POLL_IN) ? (uint32_t)EPOLLIN : 0) |
                                          ((what & CURL_POLL_OUT) ? (uint32_t)EPOLLOUT : 0)};
    epoll_ctl(client->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(client->multi, fd, client); /* any pointer: "known" from now on */
    return 0;
}

struct http_client *http_client_new(uv_loop_t *loop, const struct http_client_options *options)
{
    struct http_client *client = NEW(struct http_client);
    client->options = *options;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->multi = curl_multi_init();
    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!client->multi || client->epoll_fd < 0) {
        abort(); /* out of descriptors while starting */
    }
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)options->max_connections);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)options->max_connections);
    uv_timer_init(loop, &client->timer);
    uv_poll_init(loop, &client->poll, client->epoll_fd);
    client->timer.data = client;
    client->poll.data = client;
    uv_poll_start(&client->poll, UV_READABLE, on_epoll);
    return client;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_client *client = handle->data;
    if (--client->closing_handles == 0) {
        close(client->epoll_fd);
        free(client);
    }
}

void http_client_free(struct http_client *client)
{
    if (!client) {
        return;
    }
    curl_multi_cleanup(client->multi);
    client->closing_handles = 2;
    uv_close((uv_handle_t *)&client->poll, on_handle_closed);
    uv_close((uv_handle_t *)&client->timer, on_handle_closed);
}

static size_t write_response(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_exchange *exchange = arg;
    const size_t room = exchange->response.limit - exchange->response.length;
    const size_t length = size * count;
    buffer_append(&exchange->response, bytes, length < room ? length : room);
    return length;
}

struct http_exchange *http_exchange_new(struct http_client *client)
{
    struct http_exchange *exchange = NEW(struct http_exchange);
    exchange->client = client;
    buffer_init(&exchange->request, BODY_LIMIT);
    buffer_init(&exchange->response, client->options.response_limit);
    CURL *easy = exchange->easy = curl_easy_init();
    if (!easy) {
        abort();
    }
    curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, client->options.plain_http ? "https,http" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)client->options.connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)client->options.total_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_MAX_S);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_response);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    return exchange;
}

void http_exchange_free(struct http_exchange *exchange)
{
    if (!exchange) {
        return;
    }
    curl_multi_remove_handle(exchange->client->multi, exchange->easy);
    curl_easy_cleanup(exchange->easy);
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

void http_exchange_start(struct http_exchange *exchange, const struct http_call *call, http_done_fn *done,
                         void *arg)
{
    exchange->done = done;
    exchange->arg = arg;
    exchange->error[0] = '\0';
    exchange->started_us = clock_monotonic_us();
    buffer_clear(&exchange->response);
    curl_easy_setopt(exchange->easy, CURLOPT_URL, call->url);
    curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(exchange->easy, CURLOPT_USERNAME, call->user);
    curl_easy_setopt(exchange->easy, CURLOPT_PASSWORD, call->password);
    curl_easy_setopt(exchange->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    curl_easy_setopt(exchange->easy, CURLOPT_AWS_SIGV4, call->aws_sigv4); /* not NULL: replaces BASIC */
    curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->request.length);
    /* From one piece of memory head and body leave in one write, and can be signed. */
    curl_easy_setopt(exchange->easy, CURLOPT_POSTFIELDS,
                     exchange->request.bytes ? exchange->request.bytes : "");
    curl_multi_add_handle(exchange->client->multi, exchange->easy);
}
