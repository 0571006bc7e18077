#include "support/smtp_peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"

#define CONNECTIONS_MAX 1024
#define VERBS_MAX 16
#define SAID_MAX ((size_t)16 * 1024 * 1024)
#define END_OF_CONTENT "\r\n.\r\n"

struct count {
    char verb[16];
    int times;
};

struct session {
    struct smtp_peer *peer;
    int number;
    int fd;
    pthread_t thread;
    struct buffer received;
};

struct smtp_peer {
    const struct smtp_step *steps;
    char url[64];
    int listener;
    pthread_t thread;
    bool stopped;
    struct session sessions[CONNECTIONS_MAX];
    int session_count;
    pthread_mutex_t lock; /* the rest */
    struct count counts[VERBS_MAX];
    struct buffer said;
    int said_count;
};

static const struct smtp_step usual[] = {
    {"GREETING", 0, "220 peer ESMTP\r\n"},
    {"EHLO", 0, "250-peer\r\n250 PIPELINING\r\n"},
    {"MAIL", 0, "250 2.1.0 Ok\r\n"},
    {"RCPT", 0, "250 2.1.5 Ok\r\n"},
    {"DATA", 0, "354 End data with <CR><LF>.<CR><LF>\r\n"},
    {"CONTENT", 0, "250 2.0.0 Ok: queued as 4F2A\r\n"},
    {"RSET", 0, "250 2.0.0 Ok\r\n"},
    {"QUIT", 0, "221 2.0.0 Bye\r\n", THEN_CLOSE},
    {NULL},
};

static const struct smtp_step *find(const struct smtp_step *steps, const char *verb, int nth)
{
    for (; steps->verb; steps++) {
        if (strcmp(steps->verb, verb) == 0 && steps->nth == nth) {
            return steps;
        }
    }
    return NULL;
}

/* Notes what was said and returns what to do. */
static const struct smtp_step *note(struct session *session, const char *verb, const char *text,
                                    size_t length)
{
    struct smtp_peer *peer = session->peer;
    pthread_mutex_lock(&peer->lock);
    struct count *count = peer->counts;
    while (*count->verb && strcmp(count->verb, verb) != 0) {
        count++;
    }
    (void)snprintf(count->verb, sizeof count->verb, "%s", verb);
    const int nth = ++count->times;
    if (length > 0) {
        buffer_format(&peer->said, "%d ", session->number);
        buffer_append(&peer->said, text, length);
        peer->said_count++;
    }
    pthread_mutex_unlock(&peer->lock);
    const struct smtp_step *step = find(peer->steps, verb, nth);
    return step ? step : find(usual, verb, 0);
}

/* Reads until `end` has come; returns the length up to and with it, 0 when the client is gone. */
static size_t read_until(struct session *session, const char *end)
{
    struct buffer *received = &session->received;
    for (;;) {
        const char *found =
            received->length ? memmem(received->bytes, received->length, end, strlen(end)) : NULL;
        if (found) {
            return (size_t)(found - received->bytes) + strlen(end);
        }
        char bytes[4096];
        const ssize_t length = recv(session->fd, bytes, sizeof bytes, 0);
        if (length <= 0) {
            return 0;
        }
        buffer_append(received, bytes, (size_t)length);
    }
}

static void forget(struct buffer *received, size_t length)
{
    memmove(received->bytes, received->bytes + length, received->length - length);
    received->length -= length;
}

/* False: the conversation is over. */
static bool act(struct session *session, const struct smtp_step *step)
{
    if (step->reply) {
        (void)send(session->fd, step->reply, strlen(step->reply), MSG_NOSIGNAL);
    }
    if (step->early) {
        char bytes[4096];
        (void)recv(session->fd, bytes, sizeof bytes, 0);
        (void)send(session->fd, step->early, strlen(step->early), MSG_NOSIGNAL);
    }
    if (step->then == THEN_SAY_NO_MORE || step->early) {
        while (read_until(session, "\n") > 0) {
            session->received.length = 0;
        }
    } else if (step->then == THEN_RESET) {
        (void)setsockopt(session->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    }
    return step->then == THEN_GO_ON && !step->early;
}

static bool one_step(struct session *session, bool content)
{
    const size_t length = read_until(session, content ? END_OF_CONTENT : "\r\n");
    if (length == 0) {
        return false;
    }
    char verb[16] = "CONTENT";
    if (!content) {
        (void)snprintf(verb, sizeof verb, "%.*s", (int)strcspn(session->received.bytes, " \r"),
                       session->received.bytes);
    }
    const struct smtp_step *step = note(session, verb, session->received.bytes, length);
    forget(&session->received, length);
    if (!step || !act(session, step)) {
        return false;
    }
    return strcmp(verb, "DATA") != 0 || step->reply[0] != '3' || one_step(session, true);
}

static void *converse(void *arg)
{
    struct session *session = arg;
    if (act(session, note(session, "GREETING", "", 0))) {
        while (one_step(session, false)) {
        }
    }
    (void)close(session->fd);
    buffer_release(&session->received);
    return NULL;
}

static void *serve(void *arg)
{
    struct smtp_peer *peer = arg;
    for (int fd; (fd = accept(peer->listener, NULL, NULL)) >= 0;) {
        cr_assert(peer->session_count < CONNECTIONS_MAX);
        struct session *session = &peer->sessions[peer->session_count];
        *session = (struct session){.peer = peer, .fd = fd, .number = ++peer->session_count};
        buffer_init(&session->received, SAID_MAX);
        cr_assert(pthread_create(&session->thread, NULL, converse, session) == 0);
    }
    return NULL;
}

struct smtp_peer *smtp_peer_open(const struct smtp_step *steps)
{
    struct smtp_peer *peer = NEW(struct smtp_peer);
    peer->steps = steps;
    pthread_mutex_init(&peer->lock, NULL);
    buffer_init(&peer->said, SAID_MAX);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(peer->listener, (struct sockaddr *)&address, size) == 0);
    cr_assert(listen(peer->listener, CONNECTIONS_MAX) == 0);
    cr_assert(getsockname(peer->listener, (struct sockaddr *)&address, &size) == 0);
    (void)snprintf(peer->url, sizeof peer->url, "smtp://127.0.0.1:%d/me", ntohs(address.sin_port));
    cr_assert(pthread_create(&peer->thread, NULL, serve, peer) == 0);
    return peer;
}

const char *smtp_peer_url(const struct smtp_peer *peer)
{
    return peer->url;
}

int smtp_peer_said(struct smtp_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    const int count = peer->said_count;
    pthread_mutex_unlock(&peer->lock);
    return count;
}

const char *smtp_peer_stop(struct smtp_peer *peer)
{
    if (!peer->stopped) {
        peer->stopped = true;
        (void)shutdown(peer->listener, SHUT_RDWR);
        (void)pthread_join(peer->thread, NULL);
        (void)close(peer->listener);
        for (int i = 0; i < peer->session_count; i++) {
            (void)pthread_join(peer->sessions[i].thread, NULL);
        }
    }
    return peer->said.length ? peer->said.bytes : "";
}

void smtp_peer_free(struct smtp_peer *peer)
{
    (void)smtp_peer_stop(peer);
    pthread_mutex_destroy(&peer->lock);
    buffer_release(&peer->said);
    free(peer);
}
