#include "base/http_client.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/faulty_send.h"
#include "support/http_peer.h"
#include "support/leaks.h"
#include "support/loop.h"
#include "support/time_limit.h"

TestSuite(http_client, .init = time_limit, .fini = no_leaks);

/* A client on a loop of its own. */
struct fixture {
    struct test_loop loop;
    struct http_client *client;
};

static const struct http_client_options usual = {.connect_timeout_ms = 20000,
                                                 .total_timeout_ms = 40000,
                                                 .max_connections = 50,
                                                 .response_limit = 1000,
                                                 .plain_http = true};

static void fixture_open(struct fixture *fixture, const struct http_client_options *options)
{
    loop_open(&fixture->loop);
    fixture->client = http_client_new(&fixture->loop.uv, options);
}

static void fixture_close(struct fixture *fixture)
{
    http_client_free(fixture->client);
    loop_close(&fixture->loop);
}

/* What the callback was told. */
struct ended {
    struct http_exchange *exchange;
    int times;
    CURLcode code;
    int status;
    bool may_be_received;
    int64_t duration_us;
    char error[256];
    char body[5000];
    size_t body_length;
    char location[100];
};

static void on_done(void *arg, const struct http_result *result)
{
    struct ended *ended = arg;
    ended->times++;
    ended->code = result->code;
    ended->status = result->status;
    ended->may_be_received = result->may_be_received;
    ended->duration_us = result->duration_us;
    (void)snprintf(ended->error, sizeof ended->error, "%s", result->error);
    ended->body_length = result->body->length;
    (void)snprintf(ended->body, sizeof ended->body, "%.*s", (int)result->body->length,
                   result->body->length ? result->body->bytes : "");
    const char *location = http_exchange_header(ended->exchange, "Location");
    (void)snprintf(ended->location, sizeof ended->location, "%s", location ? location : "none");
}

static void begin(struct http_exchange *exchange, const char *url, const char *body, struct ended *ret_ended)
{
    *ret_ended = (struct ended){.exchange = exchange};
    cr_assert(eq(sz, http_exchange_body(exchange)->length, 0), "the last request's body is still there");
    buffer_text(http_exchange_body(exchange), body);
    http_exchange_start(exchange, &(struct http_call){.url = url}, on_done, ret_ended);
    cr_assert(eq(int, ret_ended->times, 0), "ended within the call that starts it");
}

static struct ended post(struct fixture *fixture, struct http_exchange *exchange, const char *url,
                         const char *body)
{
    struct ended ended;
    begin(exchange, url, body, &ended);
    LOOP_UNTIL(&fixture->loop, ended.times > 0);
    cr_assert(eq(int, ended.times, 1));
    return ended;
}

static void expect_answer(const struct ended *ended, int status, const char *body)
{
    cr_expect(eq(int, ended->code, CURLE_OK), "%s", ended->error);
    cr_expect(eq(int, ended->status, status));
    cr_expect(eq(str, ended->body, body));
    cr_expect(ended->may_be_received);
    cr_expect(gt(i64, ended->duration_us, 0));
}

/* 127.0.0.1 and a port that this process holds and nobody listens on. */
static int refusing_socket(char *ret_url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(fd, (struct sockaddr *)&address, length) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    (void)snprintf(ret_url, size, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    return fd;
}

Test(http_client, requests_and_answers_arrive_whole_on_one_connection)
{
    static const struct peer_step steps[] = {
        {PEER_ANSWER, "HTTP/1.1 202 Accepted\r\nX-Message-Id: 7\r\nContent-Length: 5\r\n\r\nfirst"},
        {PEER_ANSWER,
         "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n"},
        {PEER_ANSWER, "HTTP/1.1 204 No Content\r\n\r\n"},
    };
    struct http_peer *peer = http_peer_open(steps, 3);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);

    struct ended ended = post(&fixture, exchange, http_peer_url(peer), "{}");
    expect_answer(&ended, 202, "first");
    ended = post(&fixture, exchange, http_peer_url(peer), "{\"a\":1}");
    expect_answer(&ended, 400, "second");

    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "X-Number: 3");
    ended = (struct ended){.exchange = exchange};
    buffer_format(http_exchange_body(exchange), "%0*d", 300000, 7); /* many reads */
    http_exchange_start(exchange, &(struct http_call){.url = http_peer_url(peer), .headers = headers},
                        on_done, &ended);
    LOOP_UNTIL(&fixture.loop, ended.times > 0);
    expect_answer(&ended, 204, "");

    http_exchange_free(exchange);
    curl_slist_free_all(headers);
    fixture_close(&fixture);
    const struct peer_seen *seen = http_peer_stop(peer);
    cr_expect(eq(int, seen->requests, 3));
    cr_expect(eq(int, seen->connections, 1));
    cr_expect(strncmp(seen->last, "POST /path HTTP/1.1\r\n", 21) == 0, "%.40s", seen->last);
    cr_expect(strstr(seen->last, "\r\nContent-Type: application/json\r\n") != NULL);
    cr_expect(strstr(seen->last, "\r\nX-Number: 3\r\n") != NULL);
    cr_expect(strstr(seen->last, "\r\nContent-Length: 300000\r\n") != NULL);
    cr_expect(strcasestr(seen->last, "\r\nExpect:") == NULL);
    const char *body = strstr(seen->last, "\r\n\r\n") + 4;
    cr_expect(strspn(body, "0") == 299999 && strcmp(body + 299999, "7") == 0);
    http_peer_free(peer);
}

/* libcurl 7.88.1 would take it for a part of the answer before, which is freed (http_client.c, easy_new()).
 */
Test(http_client, a_folded_line_before_any_header_belongs_to_nothing)
{
    static const struct peer_step steps[] = {
        {PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLocation: /first\r\n\r\nOK"},
        {PEER_ANSWER, "HTTP/1.1 200 OK\r\n  folded\r\nLocation: /second\r\nContent-Length: 2\r\n\r\nOK"},
    };
    struct http_peer *peer = http_peer_open(steps, 2);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    expect_answer(&ended, 200, "OK");
    cr_expect(eq(str, ended.location, "/first"));
    ended = post(&fixture, exchange, http_peer_url(peer), "two");
    cr_expect(eq(int, ended.code, CURLE_WEIRD_SERVER_REPLY), "%s", ended.error);
    cr_expect(ended.may_be_received);
    cr_expect(eq(str, ended.location, "none"));
    http_exchange_free(exchange);
    fixture_close(&fixture);
    http_peer_free(peer);
}

/* The second request dies on the kept-alive connection, after the server has read it to its end. */
static const struct peer_step trap[] = {{PEER_ANSWER, PEER_OK}, {PEER_HANG_UP}, {PEER_ANSWER, PEER_OK}};

Test(http_client, a_request_is_not_sent_again_when_its_connection_dies)
{
    struct http_peer *peer = http_peer_open(trap, 3);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    expect_answer(&ended, 200, "OK");

    ended = post(&fixture, exchange, http_peer_url(peer), "two");
    cr_expect(ne(int, ended.code, CURLE_OK));
    cr_expect(eq(int, ended.status, 0));
    cr_expect(ended.may_be_received);
    cr_expect(ne(str, ended.error, ""));

    http_exchange_free(exchange);
    fixture_close(&fixture);
    const struct peer_seen *seen = http_peer_stop(peer);
    cr_expect(eq(int, seen->requests, 2), "it was sent again");
    cr_expect(eq(int, seen->requests_on_first, 2),
              "the second request did not use the first one's connection");
    cr_expect(eq(sz, seen->stray, 0), "a part of it was sent again");
    cr_expect(strstr(seen->last, "\r\n\r\ntwo") != NULL);
    http_peer_free(peer);
}

/* The same, where libcurl's first write had to wait: it does not count the bytes of those that follow. */
Test(http_client, a_request_whose_first_write_had_to_wait_is_not_sent_again_either)
{
    struct http_peer *peer = http_peer_open(trap, 3);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    expect_answer(&ended, 200, "OK");

    send_fails_next(EAGAIN);
    ended = post(&fixture, exchange, http_peer_url(peer), "two");
    cr_expect(ne(int, ended.code, CURLE_OK));
    cr_expect(ended.may_be_received);

    http_exchange_free(exchange);
    fixture_close(&fixture);
    const struct peer_seen *seen = http_peer_stop(peer);
    cr_expect(eq(int, seen->requests, 2), "it was sent again");
    cr_expect(eq(int, seen->requests_on_first, 2),
              "the second request did not use the first one's connection");
    cr_expect(eq(sz, seen->stray, 0), "a part of it was sent again");
    http_peer_free(peer);
}

Test(http_client, a_second_try_goes_on_when_nothing_was_sent)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    expect_answer(&ended, 200, "OK");

    send_fails_next(ECONNRESET);
    ended = post(&fixture, exchange, http_peer_url(peer), "two");
    expect_answer(&ended, 200, "OK");

    http_exchange_free(exchange);
    fixture_close(&fixture);
    const struct peer_seen *seen = http_peer_stop(peer);
    cr_expect(eq(int, seen->requests, 2));
    cr_expect(eq(int, seen->connections, 2));
    cr_expect(strstr(seen->last, "\r\n\r\ntwo") != NULL);
    http_peer_free(peer);
}

Test(http_client, nothing_is_received_when_the_first_write_fails)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    send_fails_next(ECONNRESET);
    const struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    cr_expect(eq(int, ended.code, CURLE_SEND_ERROR));
    cr_expect(not(ended.may_be_received));
    http_exchange_free(exchange);
    fixture_close(&fixture);
    cr_expect(eq(int, http_peer_stop(peer)->requests, 0));
    http_peer_free(peer);
}

Test(http_client, head_and_body_leave_in_one_write)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    for (int i = 1; i <= 3; i++) {
        const struct ended ended = post(&fixture, exchange, http_peer_url(peer), "body");
        expect_answer(&ended, 200, "OK");
        cr_expect(eq(int, send_calls(), i));
    }
    http_exchange_free(exchange);
    fixture_close(&fixture);
    cr_expect(eq(int, http_peer_stop(peer)->requests, 3));
    http_peer_free(peer);
}

static size_t ignore(const char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * count;
}

/* What the test before this one guards against is there: libcurl sends a body that it can rewind again. */
Test(http_client, control_libcurl_by_itself_sends_again)
{
    struct http_peer *peer = http_peer_open(trap, 3);
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, http_peer_url(peer));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "one");
    cr_expect(eq(int, curl_easy_perform(easy), CURLE_OK));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "two");
    cr_expect(eq(int, curl_easy_perform(easy), CURLE_OK));
    curl_easy_cleanup(easy);
    const struct peer_seen *seen = http_peer_stop(peer);
    cr_expect(eq(int, seen->requests, 3));
    cr_expect(eq(int, seen->requests_on_first, 2));
    cr_expect(strstr(seen->last, "\r\n\r\ntwo") != NULL);
    http_peer_free(peer);
    curl_global_cleanup();
}

/* More than start in one wave. */
Test(http_client, a_crowd_arrives_without_those_that_left_before_it_started)
{
    enum { CROWD = 100 };
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchanges[CROWD];
    static struct ended ended[CROWD];
    for (int i = 0; i < CROWD; i++) {
        exchanges[i] = http_exchange_new(fixture.client);
        begin(exchanges[i], http_peer_url(peer), "one", &ended[i]);
    }
    for (int i = 0; i < CROWD; i += 10) {
        http_exchange_free(exchanges[i]); /* the first one, and from between others */
        exchanges[i] = NULL;
    }
    for (int i = 0; i < CROWD; i++) {
        if (exchanges[i]) {
            LOOP_UNTIL(&fixture.loop, ended[i].times > 0);
            expect_answer(&ended[i], 200, "OK");
        }
        http_exchange_free(exchanges[i]);
        cr_expect(eq(int, ended[i].times, i % 10 ? 1 : 0));
    }
    fixture_close(&fixture);
    cr_expect(eq(int, http_peer_stop(peer)->requests, CROWD - CROWD / 10));
    http_peer_free(peer);
}

Test(http_client, a_connection_that_was_closed_while_idle_does_no_harm)
{
    static const struct peer_step steps[] = {{PEER_ANSWER_AND_CLOSE, PEER_OK}, {PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 2);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    expect_answer(&ended, 200, "OK");
    http_peer_wait_closed(peer, 1);
    ended = post(&fixture, exchange, http_peer_url(peer), "two");
    expect_answer(&ended, 200, "OK");
    http_exchange_free(exchange);
    fixture_close(&fixture);
    const struct peer_seen *seen = http_peer_stop(peer);
    cr_expect(eq(int, seen->requests, 2));
    cr_expect(eq(int, seen->connections, 2));
    http_peer_free(peer);
}

/* Also on an exchange that has sent something before. */
Test(http_client, nothing_is_received_where_nobody_listens)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    char url[64];
    const int held = refusing_socket(url, sizeof url);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    struct ended ended = post(&fixture, exchange, url, "one");
    cr_expect(eq(int, ended.code, CURLE_COULDNT_CONNECT));
    cr_expect(eq(int, ended.status, 0));
    cr_expect(not(ended.may_be_received));
    cr_expect(ne(str, ended.error, ""));

    ended = post(&fixture, exchange, http_peer_url(peer), "two");
    expect_answer(&ended, 200, "OK");
    ended = post(&fixture, exchange, url, "three");
    cr_expect(eq(int, ended.code, CURLE_COULDNT_CONNECT));
    cr_expect(eq(int, ended.status, 0));
    cr_expect(eq(str, ended.body, ""));
    cr_expect(not(ended.may_be_received));
    http_exchange_free(exchange);
    fixture_close(&fixture);
    cr_expect(eq(int, http_peer_stop(peer)->requests, 1));
    http_peer_free(peer);
    (void)close(held);
}

Test(http_client, no_answer_in_time)
{
    static const struct peer_step steps[] = {{PEER_SILENCE}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct http_client_options options = usual;
    options.total_timeout_ms = 1500;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    const struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    cr_expect(eq(int, ended.code, CURLE_OPERATION_TIMEDOUT));
    cr_expect(eq(int, ended.status, 0));
    cr_expect(ended.may_be_received);
    cr_expect(ge(i64, ended.duration_us, 1490000));
    http_exchange_free(exchange);
    fixture_close(&fixture);
    cr_expect(eq(int, http_peer_stop(peer)->requests, 1));
    http_peer_free(peer);
}

/* Half an answer is no answer: the status is known, the outcome is not. */
Test(http_client, an_answer_that_breaks_off_is_an_error)
{
    static const struct peer_step steps[] = {
        {PEER_ANSWER_AND_CLOSE, "HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\nhalf"}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    const struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    cr_expect(eq(int, ended.code, CURLE_PARTIAL_FILE));
    cr_expect(eq(int, ended.status, 202));
    cr_expect(ended.may_be_received);
    cr_expect(eq(str, ended.body, "half"));
    http_exchange_free(exchange);
    fixture_close(&fixture);
    cr_expect(eq(int, http_peer_stop(peer)->requests, 1));
    http_peer_free(peer);
}

/* A server whose queue of connections is full: the TCP connection does not come about. */
Test(http_client, no_connection_in_time)
{
    char url[64];
    const int listener = refusing_socket(url, sizeof url);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    cr_assert(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    cr_assert(listen(listener, 0) == 0);
    int waiting[16];
    size_t count = 0;
    for (bool full = false; !full;) {
        cr_assert(lt(sz, count, 16));
        const int fd = waiting[count++] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fd, (struct sockaddr *)&address, length);
        full = poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 100) == 0;
    }
    struct http_client_options options = usual;
    options.connect_timeout_ms = 200;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    const struct ended ended = post(&fixture, exchange, url, "one");
    cr_expect(eq(int, ended.code, CURLE_OPERATION_TIMEDOUT));
    cr_expect(not(ended.may_be_received));
    cr_expect(lt(i64, ended.duration_us, 20000000), "the time-out of the whole request ended it");
    http_exchange_free(exchange);
    fixture_close(&fixture);
    while (count > 0) {
        (void)close(waiting[--count]);
    }
    (void)close(listener);
}

Test(http_client, a_long_answer_is_cut_at_the_limit)
{
    static char bytes[200100];
    const int head = snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n");
    memset(bytes + head, 'x', 200000);
    const struct peer_step steps[] = {{PEER_ANSWER, bytes}, {PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 2);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    cr_expect(eq(int, ended.code, CURLE_OK), "%s", ended.error);
    cr_expect(eq(int, ended.status, 200));
    cr_expect(eq(sz, ended.body_length, usual.response_limit));
    cr_expect(eq(sz, strspn(ended.body, "x"), usual.response_limit));

    ended = post(&fixture, exchange, http_peer_url(peer), "two");
    expect_answer(&ended, 200, "OK");
    http_exchange_free(exchange);
    fixture_close(&fixture);
    cr_expect(eq(int, http_peer_stop(peer)->connections, 1), "the rest of the long answer was not read");
    http_peer_free(peer);
}

#define MANY 300

Test(http_client, many_exchanges_at_once_all_end)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    static struct ended ended[MANY];
    struct http_exchange *exchanges[MANY];
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    for (int i = 0; i < MANY; i++) {
        exchanges[i] = http_exchange_new(fixture.client);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            begin(exchanges[i], http_peer_url(peer), "body", &ended[i]);
        }
        for (int i = 0; i < MANY; i++) {
            LOOP_UNTIL(&fixture.loop, ended[i].times > 0);
        }
        for (int i = 0; i < MANY; i++) {
            cr_assert(eq(int, ended[i].times, 1));
            expect_answer(&ended[i], 200, "OK");
        }
    }
    for (int i = 0; i < MANY; i++) {
        http_exchange_free(exchanges[i]);
    }
    fixture_close(&fixture);
    const struct peer_seen *seen = http_peer_stop(peer);
    cr_expect(eq(int, seen->requests, 3 * MANY));
    cr_expect(le(int, seen->connections, (int)usual.max_connections));
    http_peer_free(peer);
}

/* The callback may use the exchange at once. */
struct chain {
    struct http_exchange *exchange;
    const char *url;
    int left;
    bool broken;
};

static void on_link_done(void *arg, const struct http_result *result)
{
    struct chain *chain = arg;
    chain->broken =
        chain->broken || result->code != CURLE_OK || http_exchange_body(chain->exchange)->length > 0;
    if (--chain->left > 0) {
        buffer_text(http_exchange_body(chain->exchange), "next");
        http_exchange_start(chain->exchange, &(struct http_call){.url = chain->url}, on_link_done, chain);
    }
}

Test(http_client, an_exchange_starts_anew_from_its_own_callback)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct chain chain = {
        .exchange = http_exchange_new(fixture.client), .url = http_peer_url(peer), .left = 20};
    http_exchange_start(chain.exchange, &(struct http_call){.url = chain.url}, on_link_done, &chain);
    LOOP_UNTIL(&fixture.loop, chain.left == 0);
    cr_expect(not(chain.broken));
    http_exchange_free(chain.exchange);
    fixture_close(&fixture);
    const struct peer_seen *seen = http_peer_stop(peer);
    cr_expect(eq(int, seen->requests, 20));
    cr_expect(strstr(seen->last, "\r\n\r\nnext") != NULL);
    http_peer_free(peer);
}

Test(http_client, a_redirect_is_not_followed)
{
    static char redirect[200];
    const struct peer_step steps[] = {{PEER_ANSWER, redirect}, {PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 2);
    (void)snprintf(redirect, sizeof redirect,
                   "HTTP/1.1 307 Over There\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                   http_peer_url(peer));
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    expect_answer(&ended, 307, "");
    cr_expect(eq(str, ended.location, http_peer_url(peer)));

    ended = post(&fixture, exchange, http_peer_url(peer), "two");
    expect_answer(&ended, 200, "OK");
    cr_expect(eq(str, ended.location, "none"), "a header of the answer before");
    http_exchange_free(exchange);
    fixture_close(&fixture);
    cr_expect(eq(int, http_peer_stop(peer)->requests, 2));
    http_peer_free(peer);
}

Test(http_client, plain_http_has_to_be_allowed)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct http_client_options options = usual;
    options.plain_http = false;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    const struct ended ended = post(&fixture, exchange, http_peer_url(peer), "one");
    cr_expect(eq(int, ended.code, CURLE_UNSUPPORTED_PROTOCOL));
    cr_expect(not(ended.may_be_received));
    http_exchange_free(exchange);
    fixture_close(&fixture);
    cr_expect(eq(int, http_peer_stop(peer)->connections, 0));
    http_peer_free(peer);
}

/* Answers 200 to whatever comes; returns what came last, which the caller frees. */
static char *request_of(const struct http_call *with)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    struct http_call call = *with;
    call.url = http_peer_url(peer);
    /* What an exchange knew for the call before is forgotten. */
    const struct http_call others[] = {
        {.url = call.url, .user = "other", .password = "other"},
        {.url = call.url, .user = "other", .password = "other", .aws_sigv4 = "aws:amz:other:other"},
    };
    const struct http_call *const calls[] = {&others[0], &others[1], &call};
    for (int i = 0; i < 3; i++) {
        struct ended ended = {.exchange = exchange};
        buffer_text(http_exchange_body(exchange), "body");
        http_exchange_start(exchange, calls[i], on_done, &ended);
        LOOP_UNTIL(&fixture.loop, ended.times > 0);
        expect_answer(&ended, 200, "OK");
    }
    http_exchange_free(exchange);
    fixture_close(&fixture);
    char *request = strdup(http_peer_stop(peer)->last);
    http_peer_free(peer);
    return request;
}

Test(http_client, credentials_are_sent_as_the_call_says)
{
    char *request = request_of(&(struct http_call){0});
    cr_expect(strcasestr(request, "\r\nAuthorization:") == NULL, "%s", request);
    free(request);

    request = request_of(&(struct http_call){.user = "u", .password = "p:q"});
    cr_expect(strstr(request, "\r\nAuthorization: Basic dTpwOnE=\r\n") != NULL, "%s", request);
    free(request);

    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: text/plain");
    request = request_of(&(struct http_call){
        .headers = headers, .user = "AKID", .password = "secret", .aws_sigv4 = "aws:amz:here:that"});
    const char *signature = strstr(request, "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/");
    cr_assert(signature != NULL, "%s", request);
    cr_expect(strstr(signature, "/here/that/aws4_request, ") != NULL, "%s", request);
    cr_expect(strstr(signature, " SignedHeaders=content-type;host;x-amz-date, ") != NULL, "%s", request);
    cr_expect(strstr(request, "secret") == NULL, "%s", request);
    curl_slist_free_all(headers);
    free(request);
}

/* A challenge is an answer, not an invitation to send the request again. */
Test(http_client, a_refused_credential_is_not_tried_twice)
{
    static const char *const challenges[] = {"Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"y\"",
                                             "Negotiate"};
    static const char *const signings[] = {NULL, "aws:amz:here:that"};
    for (size_t i = 0; i < 6; i++) {
        char refusal[200];
        (void)snprintf(refusal, sizeof refusal,
                       "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: %s\r\nContent-Length: 0\r\n\r\n",
                       challenges[i / 2]);
        const struct peer_step steps[] = {{PEER_ANSWER, refusal}, {PEER_ANSWER, PEER_OK}};
        struct http_peer *peer = http_peer_open(steps, 2);
        struct fixture fixture;
        fixture_open(&fixture, &usual);
        struct http_exchange *exchange = http_exchange_new(fixture.client);
        struct ended ended = {.exchange = exchange};
        const struct http_call call = {
            .url = http_peer_url(peer), .user = "u", .password = "p", .aws_sigv4 = signings[i % 2]};
        http_exchange_start(exchange, &call, on_done, &ended);
        LOOP_UNTIL(&fixture.loop, ended.times > 0);
        expect_answer(&ended, 401, "");
        http_exchange_free(exchange);
        fixture_close(&fixture);
        cr_expect(eq(int, http_peer_stop(peer)->requests, 1), "%s", challenges[i / 2]);
        http_peer_free(peer);
    }
}

/* One byte more would not be taken by the buffer. */
Test(http_client, the_largest_request_goes_out_without_asking_first)
{
    static const struct peer_step steps[] = {{PEER_ANSWER, PEER_OK}};
    struct http_peer *peer = http_peer_open(steps, 1);
    struct fixture fixture;
    fixture_open(&fixture, &usual);
    struct http_exchange *exchange = http_exchange_new(fixture.client);
    struct ended ended = {.exchange = exchange};
    struct buffer *body = http_exchange_body(exchange);
    while (body->length < body->limit) {
        buffer_text(body, "x");
    }
    http_exchange_start(exchange, &(struct http_call){.url = http_peer_url(peer)}, on_done, &ended);
    LOOP_UNTIL(&fixture.loop, ended.times > 0);
    expect_answer(&ended, 200, "OK");
    http_exchange_free(exchange);
    fixture_close(&fixture);
    const struct peer_seen *seen = http_peer_stop(peer);
    cr_expect(strcasestr(seen->last, "\r\nExpect:") == NULL);
    cr_expect(strstr(seen->last, "\r\nContent-Length: 1048576\r\n") != NULL);
    http_peer_free(peer);
}

Test(http_client, free_takes_null)
{
    http_client_free(NULL);
    http_exchange_free(NULL);
}
