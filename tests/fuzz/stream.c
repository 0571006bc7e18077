#include "tests/fuzz/stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/targets.h"

static const struct sockaddr_in any_port = {.sin_family = AF_INET,
                                            .sin_addr.s_addr = 0x0100007f}; /* 127.0.0.1 */

int stream_listen(uint16_t *ret_port)
{
    struct sockaddr_in address = any_port;
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 8) == 0);
    must(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

int stream_connect(uint16_t port)
{
    /* A port is kept for a minute after its connection, for each of the addresses of 127.0.0.0/8. */
    static uint32_t last = 0x7f000001;
    struct sockaddr_in from = any_port;
    struct sockaddr_in address = any_port;
    last = last < 0x7ffffffe ? last + 1 : 0x7f000002;
    from.sin_addr.s_addr = htonl(last);
    address.sin_port = htons(port);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof from) == 0);
    must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

void stream_close(int fd)
{
    const struct linger none = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    (void)close(fd);
}

void stream_send(int fd, const void *bytes, size_t length)
{
    if (length > 0) {
        (void)send(fd, bytes, length, MSG_NOSIGNAL); /* the socket's buffer has room for an input */
    }
    (void)shutdown(fd, SHUT_WR);
}
