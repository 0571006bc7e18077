#include "support/faulty_send.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

static _Thread_local int next_error;
static _Thread_local int calls;

void send_fails_next(int error)
{
    next_error = error;
}

int send_calls(void)
{
    return calls;
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
    calls++;
    if (next_error) {
        errno = next_error;
        next_error = 0;
        return -1;
    }
    return sendto(fd, buf, n, flags, NULL, 0);
}
