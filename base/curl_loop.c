/*
 * libcurl's sockets live in an epoll set of their own, of which the loop watches one descriptor: connections
 * come and go with each transfer, and one nested set makes that two system calls and no handle.
 */
#include "base/curl_loop.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/memory.h"

#define EVENTS_MAX 128

struct curl_loop {
    CURLM *multi; /* NULL once it is being freed */
    curl_loop_done_fn *done;
    int epoll_fd;
    unsigned max_connections;
    uv_poll_t poll;
    uv_timer_t timer;
    int closing_handles;
};

static void take_finished(struct curl_loop *curl)
{
    int left;
    CURLMsg *message;
    while (curl->multi && (message = curl_multi_info_read(curl->multi, &left))) {
        void *transfer;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl->done(transfer, message->data.result);
    }
}

/* True: there may be more. */
static bool take_ready(struct curl_loop *curl)
{
    struct epoll_event ready[EVENTS_MAX];
    int running;
    const int count = epoll_wait(curl->epoll_fd, ready, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        const int what = ((ready[i].events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
                         ((ready[i].events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
                         ((ready[i].events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(curl->multi, ready[i].data.fd, what, &running);
    }
    return count == EVENTS_MAX;
}

static void on_epoll(uv_poll_t *poll, int status, int events)
{
    struct curl_loop *curl = poll->data;
    (void)status;
    (void)events;
    (void)take_ready(curl);
    take_finished(curl);
}

static void on_timer(uv_timer_t *timer)
{
    struct curl_loop *curl = timer->data;
    int running;
    /* After a stall of this process answers may be there: they are read before they are missed. */
    for (unsigned taken = 0; take_ready(curl) && taken < curl->max_connections; taken += EVENTS_MAX) {
    }
    curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(curl);
}

static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct curl_loop *curl = arg;
    (void)multi;
    if (timeout_ms < 0) {
        uv_timer_stop(&curl->timer);
    } else {
        uv_timer_start(&curl->timer, on_timer, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct curl_loop *curl = arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(curl->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event event = {.data.fd = fd,
                                .events = ((what & CURL_POLL_IN) ? (uint32_t)EPOLLIN : 0) |
                                          ((what & CURL_POLL_OUT) ? (uint32_t)EPOLLOUT : 0)};
    epoll_ctl(curl->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(curl->multi, fd, curl); /* any pointer: "known" from now on */
    return 0;
}

struct curl_loop *curl_loop_new(uv_loop_t *loop, unsigned max_connections, curl_loop_done_fn *done)
{
    struct curl_loop *curl = NEW(struct curl_loop);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl->done = done;
    curl->max_connections = max_connections;
    curl->multi = curl_multi_init();
    curl->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!curl->multi || curl->epoll_fd < 0) {
        abort(); /* out of descriptors */
    }
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, (long)max_connections);
    curl_multi_setopt(curl->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)max_connections);
    uv_timer_init(loop, &curl->timer);
    uv_poll_init(loop, &curl->poll, curl->epoll_fd);
    curl->timer.data = curl;
    curl->poll.data = curl;
    uv_poll_start(&curl->poll, UV_READABLE, on_epoll);
    return curl;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct curl_loop *curl = handle->data;
    if (--curl->closing_handles == 0) {
        close(curl->epoll_fd);
        free(curl);
    }
}

void curl_loop_free(struct curl_loop *curl)
{
    if (!curl) {
        return;
    }
    curl_multi_cleanup(curl->multi);
    curl->multi = NULL;
    curl->closing_handles = 2;
    uv_close((uv_handle_t *)&curl->poll, on_handle_closed);
    uv_close((uv_handle_t *)&curl->timer, on_handle_closed);
}

void curl_loop_add(struct curl_loop *curl, CURL *easy, void *transfer)
{
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_multi_add_handle(curl->multi, easy);
}

void curl_loop_remove(struct curl_loop *curl, CURL *easy)
{
    curl_multi_remove_handle(curl->multi, easy);
}
