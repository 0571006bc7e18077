#include "support/pg_peer.h"

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
#include "base/pg_params.h"

#define WAITING_MAX 16
#define MESSAGE_MAX ((size_t)64 * 1024)

struct pg_peer {
    const char *value;
    char url[128];
    int listener;
    pthread_t thread;
};

/* A message of the protocol (PostgreSQL's manual, "Message Formats"): type, length with itself, body. */
static void put(struct buffer *out, char type, const void *body, size_t length)
{
    buffer_append(out, &type, 1);
    buffer_int32(out, (int32_t)(length + 4));
    buffer_append(out, body, length);
}

static void put_row(struct buffer *out, const char *value)
{
    struct buffer body;
    buffer_init(&body, MESSAGE_MAX);
    buffer_append(&body, "\0\1name\0\0\0\0\0\0\0", 13); /* one column, of no table */
    buffer_int32(&body, PG_BYTEA);
    buffer_append(&body, "\xff\xff\xff\xff\xff\xff\0\0", 8); /* of any size, no modifier, as text */
    put(out, 'T', body.bytes, body.length);
    buffer_clear(&body);
    buffer_append(&body, "\0\1", 2);
    buffer_int32(&body, (int32_t)strlen(value));
    buffer_text(&body, value);
    put(out, 'D', body.bytes, body.length);
    buffer_release(&body);
}

static void put_welcome(struct buffer *out)
{
    static const char style[] = "IntervalStyle\0iso_8601";
    put(out, 'R', "\0\0\0\0", 4);
    put(out, 'S', style, sizeof style);
    put(out, 'Z', "I", 1);
}

static void put_answer(struct buffer *out, char type, const char *value)
{
    switch (type) {
    case 'P':
        put(out, '1', NULL, 0);
        break;
    case 'B':
        put(out, '2', NULL, 0);
        break;
    case 'D':
        put_row(out, value);
        break;
    case 'E':
        put(out, 'C', "SELECT 1", 9);
        break;
    case 'S':
        put(out, 'Z', "I", 1);
        break;
    default:
        break;
    }
}

/* One message, whose body does not matter; the first one of a connection has no type. */
static bool read_message(int fd, bool typed, char *ret_type)
{
    static char body[MESSAGE_MAX];
    uint32_t length;
    if ((typed && recv(fd, ret_type, 1, MSG_WAITALL) != 1) ||
        recv(fd, &length, sizeof length, MSG_WAITALL) != sizeof length) {
        return false;
    }
    const size_t left = ntohl(length) - sizeof length;
    cr_assert(left < sizeof body);
    return left == 0 || recv(fd, body, left, MSG_WAITALL) == (ssize_t)left;
}

static void converse(int fd, const char *value)
{
    struct buffer out;
    char type = 0;
    buffer_init(&out, MESSAGE_MAX);
    if (read_message(fd, false, &type)) {
        put_welcome(&out);
    }
    while (send(fd, out.bytes, out.length, MSG_NOSIGNAL) >= 0 && read_message(fd, true, &type)) {
        buffer_clear(&out);
        put_answer(&out, type, value);
    }
    buffer_release(&out);
    (void)close(fd);
}

static void *serve(void *arg)
{
    const struct pg_peer *peer = arg;
    for (int fd; (fd = accept(peer->listener, NULL, NULL)) >= 0;) {
        converse(fd, peer->value);
    }
    return NULL;
}

struct pg_peer *pg_peer_open(const char *value)
{
    struct pg_peer *peer = NEW(struct pg_peer);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    peer->value = value;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(peer->listener, (struct sockaddr *)&address, size) == 0);
    cr_assert(listen(peer->listener, WAITING_MAX) == 0);
    cr_assert(getsockname(peer->listener, (struct sockaddr *)&address, &size) == 0);
    (void)snprintf(peer->url, sizeof peer->url,
                   "host=127.0.0.1 port=%d user=u dbname=d sslmode=disable gssencmode=disable",
                   ntohs(address.sin_port));
    cr_assert(pthread_create(&peer->thread, NULL, serve, peer) == 0);
    return peer;
}

const char *pg_peer_url(const struct pg_peer *peer)
{
    return peer->url;
}

void pg_peer_free(struct pg_peer *peer)
{
    (void)shutdown(peer->listener, SHUT_RDWR);
    (void)pthread_join(peer->thread, NULL);
    (void)close(peer->listener);
    free(peer);
}
