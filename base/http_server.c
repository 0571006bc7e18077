/*
 * libmicrohttpd runs in external epoll mode: one descriptor tells that something is to do, and MHD_run() does
 * it. Version 0.9.75 leaves some connections waiting when it is run once per event, so it is run until it
 * says that nothing is due, and again after each resume.
 */
#include "base/http_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

/* A body that is this many times too long is not even read to its end. */
#define PATIENCE 4

/*
 * Per connection: the head of a request, a piece of its body, and the head of the answer. libmicrohttpd
 * clears it for each request, so all of it is resident.
 */
#define CONNECTION_MEMORY ((size_t)6096)
#define ANSWER_HEAD_MAX ((size_t)1024)
#define PARSED_HEADER ((size_t)64) /* what libmicrohttpd 0.9.75 keeps of each beside its bytes */

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    uv_prepare_t before_wait; /* runs the daemon once for all answers given since the loop last waited */
    bool run_wanted;
    bool running;
    bool draining;
    size_t pending;
    int closing_handles;
};

static enum MHD_Result refuse(struct http_request *request)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info) {
        (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    return MHD_NO;
}

#define STATUS_RESET (-1) /* http_reset() was the answer */

static enum MHD_Result send_response(struct http_request *request)
{
    if (request->status == STATUS_RESET) {
        return refuse(request);
    }
    const enum MHD_Result result =
        MHD_queue_response(request->connection, (unsigned)request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return result;
}

static enum MHD_Result take_body(struct http_request *request, const char *data, size_t *size)
{
    const struct http_server_options *options = &request->server->options;
    const size_t limit = options->body_limit;
    if (request->body.length == 0 && options->on_body && !options->on_body(options->arg, request)) {
        return refuse(request);
    }
    buffer_append(&request->body, data, *size);
    if (request->body.overflow) {
        request->too_large = true;
        request->body.limit += *size; /* from here on the limit counts what was thrown away */
        if (request->body.limit > limit * PATIENCE) {
            return refuse(request);
        }
    }
    *size = 0;
    return MHD_YES;
}

static void dispatch(struct http_request *request)
{
    struct http_server *server = request->server;
    request->dispatched = true;
    if (request->too_large) {
        buffer_clear(&request->body);
    }
    server->pending++;
    server->options.on_request(server->options.arg, request);
}

/* Most clients read no answer before they have written everything, so a body that is too long is read on. */
static bool announces_far_too_much(struct http_request *request)
{
    const char *announced = http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return announced && strtoull(announced, NULL, 10) > request->server->options.body_limit * PATIENCE;
}

/*
 * No room is left for the head of an answer: then libmicrohttpd cuts the connection instead, when the request
 * has long been handled.
 */
static bool head_is_too_large(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const int parsed = MHD_get_connection_values(
        connection, MHD_HEADER_KIND | MHD_COOKIE_KIND | MHD_GET_ARGUMENT_KIND, NULL, NULL);
    const char *cookies =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_COOKIE); /* a copy is kept */
    const size_t used =
        (info ? info->header_size : 0) + (size_t)parsed * PARSED_HEADER + (cookies ? strlen(cookies) : 0);
    return used + ANSWER_HEAD_MAX > CONNECTION_MEMORY;
}

static enum MHD_Result refuse_head(struct MHD_Connection *connection)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    const enum MHD_Result result =
        MHD_queue_response(connection, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, response);
    MHD_destroy_response(response);
    return result;
}

static struct http_request *request_new(struct http_server *server, struct MHD_Connection *connection,
                                        const char *path, const char *method)
{
    struct http_request *request = NEW(struct http_request);
    request->server = server;
    request->connection = connection;
    request->arrived_us = clock_monotonic_us();
    request->path = arena_strdup(&request->arena, path);
    request->method = arena_strdup(&request->arena, method);
    buffer_init(&request->body, server->options.body_limit);
    return request;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *path,
                                 const char *method, const char *version, const char *data, size_t *size,
                                 void **user)
{
    struct http_server *server = arg;
    struct http_request *request = *user;
    (void)version;
    if (!request && head_is_too_large(connection)) {
        return refuse_head(connection);
    }
    if (!request) {
        request = request_new(server, connection, path, method);
        *user = request;
        if (server->options.on_headers && !server->options.on_headers(server->options.arg, request)) {
            return refuse(request);
        }
        request->too_large = announces_far_too_much(request);
        if (!request->too_large) {
            return MHD_YES;
        }
        dispatch(request); /* the answer goes out before the body is read */
    } else if (request->response || request->status == STATUS_RESET) {
        return send_response(request);
    } else if (*size > 0) {
        return take_body(request, data, size);
    } else if (!request->dispatched) {
        dispatch(request);
    }
    if (request->response || request->status == STATUS_RESET) {
        return send_response(request);
    }
    request->suspended = true;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **user,
                         enum MHD_RequestTerminationCode why)
{
    struct http_request *request = *user;
    (void)arg;
    (void)connection;
    (void)why;
    if (!request) {
        return;
    }
    *user = NULL;
    if (request->response) {
        MHD_destroy_response(request->response);
    }
    buffer_release(&request->body);
    arena_release(&request->arena);
    free(request);
}

static void on_timer(uv_timer_t *timer);

static void run(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG due_ms = 0;
    server->running = true;
    do {
        server->run_wanted = false;
        MHD_run(server->daemon);
    } while (server->run_wanted || (MHD_get_timeout(server->daemon, &due_ms) == MHD_YES && due_ms == 0));
    server->running = false;
    if (MHD_get_timeout(server->daemon, &due_ms) == MHD_YES) {
        uv_timer_start(&server->timer, on_timer, due_ms, 0);
    } else {
        uv_timer_stop(&server->timer);
    }
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

static void on_before_wait(uv_prepare_t *prepare)
{
    struct http_server *server = prepare->data;
    if (server->run_wanted) {
        run(server);
    }
}

struct http_server *http_server_open(uv_loop_t *loop, const struct http_server_options *options,
                                     struct error *error)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1) {
        (void)error_set(error, "\"%s\" is not an IPv4 address to listen on", options->host);
        return NULL;
    }
    struct http_server *server = NEW(struct http_server);
    server->options = *options;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, options->port, NULL, NULL, on_access,
        server, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        server, MHD_OPTION_CONNECTION_LIMIT, options->connection_limit, MHD_OPTION_CONNECTION_TIMEOUT,
        options->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u, MHD_OPTION_END);
    if (!server->daemon) {
        free(server);
        (void)error_set(error, "cannot listen on %s:%u (is the port taken?)", options->host, options->port);
        return NULL;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(loop, &server->poll, info->epoll_fd);
    uv_timer_init(loop, &server->timer);
    uv_prepare_init(loop, &server->before_wait);
    server->poll.data = server;
    server->timer.data = server;
    server->before_wait.data = server;
    uv_poll_start(&server->poll, UV_READABLE, on_readable);
    uv_prepare_start(&server->before_wait, on_before_wait);
    return server;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct query_visit {
    void (*take)(void *arg, const char *name, const char *value);
    void *arg;
};

static enum MHD_Result visit_query(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    const struct query_visit *visit = arg;
    (void)kind;
    visit->take(visit->arg, name, value ? value : "");
    return MHD_YES;
}

void http_request_each_query(const struct http_request *request,
                             void (*take)(void *arg, const char *name, const char *value), void *arg)
{
    struct query_visit visit = {take, arg};
    (void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, visit_query, &visit);
}

/* The answer is stored; libmicrohttpd asks for it when the connection runs again. */
static void answered(struct http_request *request)
{
    struct http_server *server = request->server;
    server->pending--;
    if (request->suspended) {
        request->suspended = false;
        MHD_resume_connection(request->connection);
        server->run_wanted = true;
    }
}

static void add_headers(struct http_request *request, const struct http_header *headers)
{
    for (const struct http_header *header = headers; header && header->name; header++) {
        if (header->value) {
            (void)MHD_add_response_header(request->response, header->name, header->value);
        }
    }
    if (request->server->draining) {
        (void)MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
}

void http_respond(struct http_request *request, int status, const struct http_header *headers,
                  const char *body, size_t body_length)
{
    request->response =
        MHD_create_response_from_buffer(body_length, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    if (!request->response) {
        memory_stop();
    }
    request->status = status;
    add_headers(request, headers);
    answered(request);
}

struct http_text {
    struct buffer buffer;
    size_t references;
};

struct http_text *http_text_new(size_t limit)
{
    struct http_text *text = NEW(struct http_text);
    buffer_init(&text->buffer, limit);
    text->references = 1;
    return text;
}

struct buffer *http_text_buffer(struct http_text *text)
{
    return &text->buffer;
}

bool http_text_is_ours(const struct http_text *text)
{
    return text->references == 1;
}

void http_text_release(struct http_text *text)
{
    if (text && --text->references == 0) {
        buffer_release(&text->buffer);
        free(text);
    }
}

struct shared_body {
    struct http_text *texts[HTTP_TEXTS_MAX];
    size_t count;
};

static void release_shared_body(void *arg)
{
    struct shared_body *body = arg;
    for (size_t i = 0; i < body->count; i++) {
        http_text_release(body->texts[i]);
    }
    free(body);
}

void http_respond_texts(struct http_request *request, int status, const struct http_header *headers,
                        struct http_text *const *texts, size_t count)
{
    if (count > HTTP_TEXTS_MAX) {
        abort(); /* a defect of the caller's: half an answer would be a lie */
    }
    struct shared_body *body = NEW(struct shared_body);
    struct MHD_IoVec parts[HTTP_TEXTS_MAX];
    unsigned filled = 0;
    for (size_t i = 0; i < count; i++) {
        texts[i]->references++;
        body->texts[body->count++] = texts[i];
        if (texts[i]->buffer.length > 0) {
            parts[filled++] = (struct MHD_IoVec){texts[i]->buffer.bytes, texts[i]->buffer.length};
        }
    }
    request->response = MHD_create_response_from_iovec(parts, filled, release_shared_body, body);
    if (!request->response) {
        memory_stop();
    }
    request->status = status;
    add_headers(request, headers);
    answered(request);
}

struct cut_body {
    size_t length;
    char bytes[];
};

static ssize_t read_cut_body(void *arg, uint64_t position, char *into, size_t room)
{
    const struct cut_body *body = arg;
    if (position >= body->length) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    const size_t left = body->length - (size_t)position;
    const size_t part = left < room ? left : room;
    memcpy(into, body->bytes + position, part);
    return (ssize_t)part;
}

void http_respond_broken(struct http_request *request, int status, size_t promised_length, const char *body,
                         size_t length)
{
    struct cut_body *cut = memory_new(sizeof *cut + length);
    cut->length = length;
    memcpy(cut->bytes, body, length);
    request->response = MHD_create_response_from_callback(promised_length, 1024, read_cut_body, cut, free);
    if (!request->response) {
        memory_stop();
    }
    request->status = status;
    add_headers(request, NULL);
    answered(request);
}

void http_reset(struct http_request *request)
{
    request->status = STATUS_RESET;
    answered(request);
}

size_t http_server_pending(const struct http_server *server)
{
    return server->pending;
}

void http_server_drain(struct http_server *server)
{
    if (!server->draining) {
        server->draining = true;
        const MHD_socket listener = MHD_quiesce_daemon(server->daemon);
        if (listener != MHD_INVALID_SOCKET) {
            close(listener);
        }
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;
    if (--server->closing_handles == 0) {
        free(server);
    }
}

void http_server_close(struct http_server *server)
{
    if (!server) {
        return;
    }
    server->closing_handles = 3;
    uv_close((uv_handle_t *)&server->poll, on_handle_closed);
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
    uv_close((uv_handle_t *)&server->before_wait, on_handle_closed);
    MHD_run(server->daemon); /* the last answers: a connection that is still suspended may not be closed */
    MHD_stop_daemon(server->daemon);
}
