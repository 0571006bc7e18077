#include "support/http_peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"

#define CONNECTIONS_MAX 1024
#define REQUEST_MAX ((size_t)4 * 1024 * 1024)
#define STOP 0 /* where the two that are not connections stand in the poll set */
#define LISTENER 1

struct http_peer {
    const struct peer_step *steps;
    size_t step_count;
    char url[64];
    pthread_t thread;
    bool stopped;
    int stop_pipe[2];
    struct pollfd polled[CONNECTIONS_MAX];
    struct buffer received[CONNECTIONS_MAX];
    nfds_t polled_count;
    struct peer_seen seen;
    pthread_mutex_t lock;
    pthread_cond_t closed_one;
    int closed;
};

static void watch(struct http_peer *peer, int fd)
{
    cr_assert(peer->polled_count < CONNECTIONS_MAX);
    buffer_init(&peer->received[peer->polled_count], REQUEST_MAX);
    peer->polled[peer->polled_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop(struct http_peer *peer, nfds_t at)
{
    (void)close(peer->polled[at].fd);
    peer->polled[at].fd = -1; /* poll() leaves it out; places are not used again */
    peer->seen.stray += peer->received[at].length;
    buffer_release(&peer->received[at]);
    pthread_mutex_lock(&peer->lock);
    peer->closed++;
    pthread_cond_signal(&peer->closed_one);
    pthread_mutex_unlock(&peer->lock);
}

/* Length of the whole request at the start of `received`; 0 while it is not complete. */
static size_t request_length(const struct buffer *received)
{
    const char *end = received->length ? strstr(received->bytes, "\r\n\r\n") : NULL;
    if (!end) {
        return 0;
    }
    const char *header = strcasestr(received->bytes, "\r\nContent-Length:");
    const size_t body = header && header < end ? strtoul(header + 17, NULL, 10) : 0;
    const size_t whole = (size_t)(end + 4 - received->bytes) + body;
    return received->length >= whole ? whole : 0;
}

static void send_all(int fd, const char *bytes)
{
    for (size_t left = strlen(bytes); left > 0;) {
        const ssize_t sent = send(fd, bytes, left, MSG_NOSIGNAL);
        if (sent < 0) {
            return; /* the client is gone */
        }
        bytes += sent;
        left -= (size_t)sent;
    }
}

static void answer(struct http_peer *peer, nfds_t at)
{
    struct buffer *received = &peer->received[at];
    for (size_t length; (length = request_length(received)) > 0;) {
        free(peer->seen.last);
        peer->seen.last = memory_new(length + 1);
        memcpy(peer->seen.last, received->bytes, length);
        peer->seen.last_length = length;
        memmove(received->bytes, received->bytes + length, received->length + 1 - length);
        received->length -= length;

        const size_t nth = (size_t)peer->seen.requests++;
        peer->seen.requests_on_first += at == LISTENER + 1;
        const struct peer_step *step = &peer->steps[nth < peer->step_count ? nth : peer->step_count - 1];
        if (step->bytes) {
            send_all(peer->polled[at].fd, step->bytes);
        }
        if (step->act == PEER_HANG_UP || step->act == PEER_ANSWER_AND_CLOSE) {
            drop(peer, at);
            return;
        }
    }
}

static void take_bytes(struct http_peer *peer, nfds_t at)
{
    char bytes[65536];
    const ssize_t length = recv(peer->polled[at].fd, bytes, sizeof bytes, 0);
    if (length <= 0) {
        drop(peer, at);
        return;
    }
    buffer_append(&peer->received[at], bytes, (size_t)length);
    cr_assert(!peer->received[at].overflow);
    answer(peer, at);
}

static void *serve(void *arg)
{
    struct http_peer *peer = arg;
    for (;;) {
        cr_assert(poll(peer->polled, peer->polled_count, -1) > 0);
        if (peer->polled[STOP].revents) {
            return NULL;
        }
        if (peer->polled[LISTENER].revents) {
            watch(peer, accept(peer->polled[LISTENER].fd, NULL, NULL));
            peer->seen.connections++;
        }
        for (nfds_t at = LISTENER + 1; at < peer->polled_count; at++) {
            if (peer->polled[at].fd >= 0 && peer->polled[at].revents) {
                take_bytes(peer, at);
            }
        }
    }
}

struct http_peer *http_peer_open(const struct peer_step *steps, size_t step_count)
{
    struct http_peer *peer = NEW(struct http_peer);
    peer->steps = steps;
    peer->step_count = step_count;
    pthread_mutex_init(&peer->lock, NULL);
    pthread_cond_init(&peer->closed_one, NULL);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(listener, (struct sockaddr *)&address, size) == 0);
    cr_assert(listen(listener, CONNECTIONS_MAX) == 0);
    cr_assert(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    (void)snprintf(peer->url, sizeof peer->url, "http://127.0.0.1:%d/path", ntohs(address.sin_port));

    cr_assert(pipe(peer->stop_pipe) == 0);
    watch(peer, peer->stop_pipe[0]);
    watch(peer, listener);
    cr_assert(pthread_create(&peer->thread, NULL, serve, peer) == 0);
    return peer;
}

const char *http_peer_url(const struct http_peer *peer)
{
    return peer->url;
}

void http_peer_wait_closed(struct http_peer *peer, int connections)
{
    pthread_mutex_lock(&peer->lock);
    while (peer->closed < connections) {
        pthread_cond_wait(&peer->closed_one, &peer->lock);
    }
    pthread_mutex_unlock(&peer->lock);
}

const struct peer_seen *http_peer_stop(struct http_peer *peer)
{
    if (!peer->stopped) {
        peer->stopped = true;
        (void)close(peer->stop_pipe[1]);
        (void)pthread_join(peer->thread, NULL);
        for (nfds_t at = 0; at < peer->polled_count; at++) {
            if (peer->polled[at].fd >= 0) {
                drop(peer, at);
            }
        }
    }
    return &peer->seen;
}

void http_peer_free(struct http_peer *peer)
{
    (void)http_peer_stop(peer);
    pthread_mutex_destroy(&peer->lock);
    pthread_cond_destroy(&peer->closed_one);
    free(peer->seen.last);
    free(peer);
}
