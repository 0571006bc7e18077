/*
 * An HTTP response, head and body, as a provider's server may send it: to our client on a real connection.
 * What libcurl makes of it, Retry-After among it, is judged by each driver.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/http_client.h"
#include "tests/fuzz/judged.h"
#include "tests/fuzz/stream.h"
#include "tests/fuzz/targets.h"

#define RESPONSE_LIMIT ((size_t)4096)

static uv_loop_t loop;
static struct http_client *client;
static struct http_exchange *exchange;
static uint16_t port;
static int listening;
static bool ended;

static void open_once(void)
{
    if (!client) {
        listening = stream_listen(&port);
        must(uv_loop_init(&loop) == 0);
        client = http_client_new(&loop, &(struct http_client_options){.connect_timeout_ms = 2000,
                                                                      .total_timeout_ms = 3000,
                                                                      .max_connections = 1,
                                                                      .response_limit = RESPONSE_LIMIT,
                                                                      .plain_http = true});
        exchange = http_exchange_new(client);
    }
}

static const char *header(void *arg, const char *name)
{
    return http_exchange_header(arg, name);
}

static void on_done(void *arg, const struct http_result *result)
{
    (void)arg;
    ended = true;
    must(result->body->length <= RESPONSE_LIMIT);
    if (result->code == CURLE_OK) {
        const struct provider_answer answer = {.status = result->status,
                                               .body = result->body->bytes ? result->body->bytes : "",
                                               .body_length = result->body->length,
                                               .retry_after_s = result->retry_after_s,
                                               .header = header,
                                               .header_arg = exchange};
        must_be_judged_by_all(&answer, false);
    } else {
        struct verdict verdict = {0};
        verdict_of_transport(result, &verdict);
        must(verdict.code != ERROR_NONE && *verdict.text);
        must_be_storable(verdict.text, strlen(verdict.text));
    }
}

int fuzz_response(const uint8_t *bytes, size_t length)
{
    char url[64];
    open_once();
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", (int)port);
    ended = false;
    buffer_text(http_exchange_body(exchange), "{}");
    http_exchange_start(exchange, &(struct http_call){.url = url}, on_done, NULL);
    int fd = -1;
    while (!ended) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        if (fd < 0 && (fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
            stream_send(fd, bytes, length);
        }
    }
    if (fd >= 0) {
        stream_close(fd);
    }
    return 0;
}
