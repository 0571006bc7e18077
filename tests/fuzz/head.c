/*
 * An HTTP request, head and body, as a client may send it: to our server on a real connection. The handler
 * looks at all that the API looks at.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http_server.h"
#include "metrics/trace_context.h"
#include "schemas/letter_filter.h"
#include "tests/fuzz/stream.h"
#include "tests/fuzz/targets.h"

#define BODY_LIMIT ((size_t)4096)

static uv_loop_t loop;
static struct http_server *server;
static uint16_t port;

static void take_filter(void *arg, const char *name, const char *value)
{
    struct letter_filter *filter = arg;
    struct error error = {0};
    if (letter_filter_knows(name) && !letter_filter_set(filter, name, value, 1, &error)) {
        must(*error.text);
    }
}

static void on_request(void *arg, struct http_request *request)
{
    struct trace_context context;
    struct letter_filter *filter = arena_alloc(&request->arena, sizeof *filter);
    struct error error = {0};
    (void)arg;
    must(strlen(request->method) > 0 && request->path);
    must(request->too_large || request->body.length <= BODY_LIMIT);
    (void)trace_context_parse(text_of(http_request_header(request, HEADER_TRACEPARENT)),
                              text_of(http_request_header(request, HEADER_TRACESTATE)), &context);
    http_request_each_query(request, take_filter, filter);
    if (!letter_filter_check(filter, &error)) {
        must(*error.text);
    }
    const char *limit = http_request_query(request, "limit");
    const struct http_header headers[] = {{"X-Limit", limit ? "given" : NULL}, {NULL}};
    http_respond(request, 200, headers, request->body.bytes, request->body.length);
}

static uint16_t port_that_is_free(void)
{
    uint16_t found;
    (void)close(stream_listen(&found));
    return found;
}

static void open_once(void)
{
    if (!server) {
        struct error error;
        port = port_that_is_free();
        must(uv_loop_init(&loop) == 0);
        server = http_server_open(&loop,
                                  &(struct http_server_options){.host = "127.0.0.1",
                                                                .port = port,
                                                                .body_limit = BODY_LIMIT,
                                                                .connection_limit = 16,
                                                                .idle_timeout_s = 5,
                                                                .on_request = on_request},
                                  &error);
        must(server != NULL);
    }
}

int fuzz_head(const uint8_t *bytes, size_t length)
{
    char answer[4096];
    open_once();
    const int fd = stream_connect(port);
    stream_send(fd, bytes, length);
    ssize_t got = -1;
    while (got != 0) { /* until it closes the connection, as it does after our end */
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        got = recv(fd, answer, sizeof answer, 0);
        if (got > 0) {
            continue;
        }
        if (got < 0 && errno != EAGAIN) {
            break;
        }
    }
    stream_close(fd);
    must(http_server_pending(server) == 0);
    return 0;
}
