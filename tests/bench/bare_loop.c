/*
 * bare_loop - the least that libcurl needs to send many requests: one multi handle, one epoll set, one body,
 * kept-alive connections. What a sender costs beyond this, it costs for its promises.
 *
 *   bare_loop URL COUNT CONCURRENCY BODY-FILE [HEADER]...
 *
 * Prints one JSON object. Exits 1 when not every answer was 202.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "tests/bench/clocks.h"

#define EVENTS_MAX 128
#define BODY_MAX ((size_t)256 * 1024)

struct loop {
    CURLM *multi;
    int epoll_fd;
    long timeout_ms; /* libcurl's; -1: none */
    const char *url;
    struct curl_slist *headers;
    char *body;
    size_t body_length;
    FILE *nowhere;
    long to_start;
    long open;
    long accepted; /* answered 202 */
    long refused;
    long failed;
    CURLcode failure; /* the last one */
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bare_loop: %s\n", what);
    exit(1);
}

static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    ((struct loop *)arg)->timeout_ms = timeout_ms;
    return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct loop *loop = arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event event = {.data.fd = fd,
                                .events = ((what & CURL_POLL_IN) ? (uint32_t)EPOLLIN : 0) |
                                          ((what & CURL_POLL_OUT) ? (uint32_t)EPOLLOUT : 0)};
    epoll_ctl(loop->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(loop->multi, fd, loop); /* any pointer: "known" from now on */
    return 0;
}

static CURL *easy_new(struct loop *loop)
{
    CURL *easy = curl_easy_init();
    if (!easy) {
        fail("out of memory");
    }
    curl_easy_setopt(easy, CURLOPT_URL, loop->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, loop->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, loop->body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)loop->body_length);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, loop->nowhere); /* libcurl writes the answers there by itself */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 10000L);
    return easy;
}

static void start(struct loop *loop, CURL *easy)
{
    loop->to_start--;
    loop->open++;
    curl_multi_add_handle(loop->multi, easy);
}

static void take_finished(struct loop *loop)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(loop->multi, &left))) {
        CURL *easy = message->easy_handle;
        const CURLcode code = message->data.result;
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_multi_remove_handle(loop->multi, easy);
        loop->open--;
        if (code != CURLE_OK) {
            loop->failed++;
            loop->failure = code;
        } else if (status == 202) {
            loop->accepted++;
        } else {
            loop->refused++;
        }
        if (loop->to_start > 0) {
            start(loop, easy);
        } else {
            curl_easy_cleanup(easy);
        }
    }
}

static void run(struct loop *loop)
{
    struct epoll_event ready[EVENTS_MAX];
    int running;
    while (loop->open > 0) {
        const int count = epoll_wait(loop->epoll_fd, ready, EVENTS_MAX, (int)loop->timeout_ms);
        for (int i = 0; i < count; i++) {
            const int what = ((ready[i].events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
                             ((ready[i].events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
                             ((ready[i].events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
            curl_multi_socket_action(loop->multi, ready[i].data.fd, what, &running);
        }
        if (count == 0 || loop->timeout_ms == 0) {
            curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        take_finished(loop);
    }
}

static void read_body(struct loop *loop, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail("the body's file cannot be read");
    }
    loop->body = malloc(BODY_MAX);
    if (!loop->body) {
        fail("out of memory");
    }
    loop->body_length = fread(loop->body, 1, BODY_MAX, file);
    (void)fclose(file);
}

int main(int count, char **arguments)
{
    if (count < 5) {
        fail("usage: bare_loop URL COUNT CONCURRENCY BODY-FILE [HEADER]...");
    }
    struct loop loop = {.timeout_ms = -1, .url = arguments[1], .to_start = strtol(arguments[2], NULL, 10)};
    const long requests = loop.to_start;
    const long concurrency = strtol(arguments[3], NULL, 10);
    if (requests < 1 || concurrency < 1) {
        fail("COUNT and CONCURRENCY are whole numbers from 1");
    }
    read_body(&loop, arguments[4]);
    for (int i = 5; i < count; i++) {
        loop.headers = curl_slist_append(loop.headers, arguments[i]);
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    loop.multi = curl_multi_init();
    loop.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop.nowhere = fopen("/dev/null", "wb");
    if (!loop.multi || loop.epoll_fd < 0 || !loop.nowhere) {
        fail("libcurl, epoll or /dev/null is not there");
    }
    curl_multi_setopt(loop.multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(loop.multi, CURLMOPT_SOCKETDATA, &loop);
    curl_multi_setopt(loop.multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(loop.multi, CURLMOPT_TIMERDATA, &loop);
    curl_multi_setopt(loop.multi, CURLMOPT_MAXCONNECTS, concurrency);

    const double started_s = clock_s(CLOCK_MONOTONIC);
    for (long i = 0; i < concurrency && loop.to_start > 0; i++) {
        start(&loop, easy_new(&loop));
    }
    run(&loop);
    const double elapsed_s = clock_s(CLOCK_MONOTONIC) - started_s;

    (void)printf("{\"requests\": %ld, \"accepted\": %ld, \"refused\": %ld, \"failed\": %ld, "
                 "\"failure\": \"%s\", \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n",
                 requests, loop.accepted, loop.refused, loop.failed,
                 loop.failure == CURLE_OK ? "" : curl_easy_strerror(loop.failure), elapsed_s,
                 clock_s(CLOCK_PROCESS_CPUTIME_ID));
    curl_multi_cleanup(loop.multi);
    curl_slist_free_all(loop.headers);
    curl_global_cleanup();
    (void)fclose(loop.nowhere);
    free(loop.body);
    return loop.accepted == requests ? 0 : 1;
}
