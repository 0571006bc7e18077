/*
 * A heap of requests with the time of their answer, one timer for the earliest, one to look for lost clients.
 */
#include "sandbox/waiting.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"

#define SWEEP_INTERVAL_MS 1000

struct entry {
    int64_t due_us;
    uint64_t order; /* of equals the first to come is the first to go */
    struct waiter *waiter;
};

struct waiting {
    waiting_due_fn *on_due;
    void *arg;
    struct entry *heap; /* a binary heap, the earliest on top */
    size_t count;
    size_t capacity;
    uint64_t added;
    struct waiter **due; /* filled anew each time */
    size_t due_capacity;
    bool ended;
    int closing_handles;
    uv_timer_t timer; /* for the top of the heap */
    uv_timer_t sweep; /* looks for clients that went away */
};

static bool is_before(const struct entry *one, const struct entry *other)
{
    return one->due_us != other->due_us ? one->due_us < other->due_us : one->order < other->order;
}

static void sift_up(struct waiting *waiting, size_t at)
{
    const struct entry entry = waiting->heap[at];
    while (at > 0 && is_before(&entry, &waiting->heap[(at - 1) / 2])) {
        waiting->heap[at] = waiting->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    waiting->heap[at] = entry;
}

static void sift_down(struct waiting *waiting, size_t at)
{
    const struct entry entry = waiting->heap[at];
    for (size_t child = 2 * at + 1; child < waiting->count; child = 2 * at + 1) {
        if (child + 1 < waiting->count && is_before(&waiting->heap[child + 1], &waiting->heap[child])) {
            child++;
        }
        if (!is_before(&waiting->heap[child], &entry)) {
            break;
        }
        waiting->heap[at] = waiting->heap[child];
        at = child;
    }
    waiting->heap[at] = entry;
}

static struct waiter *pop(struct waiting *waiting)
{
    struct waiter *first = waiting->heap[0].waiter;
    if (--waiting->count > 0) {
        waiting->heap[0] = waiting->heap[waiting->count];
        sift_down(waiting, 0);
    }
    return first;
}

static void on_timer(uv_timer_t *timer);

static void arm(struct waiting *waiting, int64_t now_us)
{
    if (waiting->count == 0 || waiting->heap[0].due_us == WAIT_FOREVER) {
        uv_timer_stop(&waiting->timer);
        return;
    }
    const int64_t left_us = waiting->heap[0].due_us - now_us;
    uv_timer_start(&waiting->timer, on_timer, left_us > 0 ? (uint64_t)(left_us + 999) / 1000 : 0, 0);
}

static void hand_on_due(struct waiting *waiting)
{
    const int64_t now_us = waiting->ended ? WAIT_FOREVER : clock_monotonic_us();
    size_t count = 0;
    while (waiting->count > 0 && waiting->heap[0].due_us <= now_us) {
        if (count == waiting->due_capacity) {
            waiting->due_capacity = waiting->due_capacity ? waiting->due_capacity * 2 : 256;
            waiting->due = memory_resize(waiting->due, waiting->due_capacity * sizeof(struct waiter *));
        }
        waiting->due[count++] = pop(waiting);
    }
    if (count > 0) {
        waiting->on_due(waiting->arg, waiting->due, count);
    }
    arm(waiting, now_us);
}

static void on_timer(uv_timer_t *timer)
{
    hand_on_due(timer->data);
}

/* While a request waits the server does not read its connection, and so does not see that it was closed. */
static bool client_is_gone(const struct http_request *http)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    char byte;
    const ssize_t got = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

static void on_sweep(uv_timer_t *timer)
{
    struct waiting *waiting = timer->data;
    const int64_t soon_us = clock_monotonic_us() + (int64_t)SWEEP_INTERVAL_MS * 1000;
    size_t kept = 0;
    for (size_t i = 0; i < waiting->count; i++) {
        if (waiting->heap[i].due_us > soon_us && client_is_gone(waiting->heap[i].waiter->http)) {
            http_reset(waiting->heap[i].waiter->http);
        } else {
            waiting->heap[kept++] = waiting->heap[i];
        }
    }
    if (kept < waiting->count) {
        waiting->count = kept;
        for (size_t i = kept / 2; i-- > 0;) {
            sift_down(waiting, i);
        }
    }
}

struct waiting *waiting_new(uv_loop_t *loop, waiting_due_fn *on_due, void *arg)
{
    struct waiting *waiting = NEW(struct waiting);
    waiting->on_due = on_due;
    waiting->arg = arg;
    uv_timer_init(loop, &waiting->timer);
    uv_timer_init(loop, &waiting->sweep);
    waiting->timer.data = waiting;
    waiting->sweep.data = waiting;
    uv_timer_start(&waiting->sweep, on_sweep, SWEEP_INTERVAL_MS, SWEEP_INTERVAL_MS);
    return waiting;
}

void waiting_add(struct waiting *waiting, struct waiter *waiter)
{
    if (waiting->count == waiting->capacity) {
        waiting->capacity = waiting->capacity ? waiting->capacity * 2 : 1024;
        waiting->heap = memory_resize(waiting->heap, waiting->capacity * sizeof *waiting->heap);
    }
    waiting->heap[waiting->count] = (struct entry){waiter->due_us, waiting->added++, waiter};
    sift_up(waiting, waiting->count++);
    if (waiting->heap[0].waiter == waiter) {
        arm(waiting, waiting->ended ? WAIT_FOREVER : clock_monotonic_us());
    }
}

void waiting_end(struct waiting *waiting)
{
    waiting->ended = true;
    hand_on_due(waiting);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct waiting *waiting = handle->data;
    if (--waiting->closing_handles == 0) {
        free(waiting->heap);
        free(waiting->due);
        free(waiting);
    }
}

void waiting_close(struct waiting *waiting)
{
    if (!waiting) {
        return;
    }
    waiting->closing_handles = 2;
    uv_close((uv_handle_t *)&waiting->timer, on_handle_closed);
    uv_close((uv_handle_t *)&waiting->sweep, on_handle_closed);
}
