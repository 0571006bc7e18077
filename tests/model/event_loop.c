/*
 * libuv, as far as the roles use it: a loop with timers and signals. Its handles are libuv's own.
 */
#include <signal.h>
#include <uv.h>

#include "tests/model/process_parts.h"
#include "tests/model/world.h"

/* Of a handle's members: `flags` and the ring of its loop's handles, a timer's start_id (its
 * event) and timeout (when that comes, in ms).
 */

enum { ACTIVE = 1, CLOSING = 2 };

struct ring {
    struct ring *next;
    struct ring *previous;
};

static struct ring *ring_of(uv_handle_t *handle)
{
    return (struct ring *)(void *)&handle->handle_queue;
}

static uv_handle_t *handle_of(struct ring *ring)
{
    return (uv_handle_t *)(void *)((char *)ring - offsetof(uv_handle_t, handle_queue));
}

static struct ring *handles_of(uv_loop_t *loop)
{
    return (struct ring *)(void *)&loop->handle_queue;
}

static void handle_init(uv_loop_t *loop, void *arg)
{
    uv_handle_t *handle = arg;
    handle->loop = loop;
    handle->flags = 0;
    struct ring *ring = ring_of(handle);
    struct ring *all = handles_of(loop);
    *ring = (struct ring){all->next, all};
    all->next->previous = ring;
    all->next = ring;
}

static void handle_unlink(uv_handle_t *handle)
{
    struct ring *ring = ring_of(handle);
    ring->next->previous = ring->previous;
    ring->previous->next = ring->next;
}

int uv_loop_init(uv_loop_t *loop)
{
    *handles_of(loop) = (struct ring){handles_of(loop), handles_of(loop)};
    process_running->loop = loop;
    return 0;
}

int uv_loop_close(uv_loop_t *loop)
{
    if (handles_of(loop)->next != handles_of(loop)) {
        violated("%s closes its loop while handles are open", process_running->name);
    }
    return 0;
}

static void finish_closing(uv_handle_t *handle)
{
    handle_unlink(handle);
    if (handle->close_cb) {
        handle->close_cb(handle);
    }
}

static bool finish_all_closing(uv_loop_t *loop)
{
    bool any_open = false;
    for (struct ring *ring = handles_of(loop)->next, *next; ring != handles_of(loop); ring = next) {
        next = ring->next;
        uv_handle_t *handle = handle_of(ring);
        any_open = any_open || !(handle->flags & CLOSING);
        if (handle->flags & CLOSING) {
            finish_closing(handle);
        }
    }
    return any_open;
}

/* Closing handles are closed; while others are open, the world goes on until the loop is stopped. */
int uv_run(uv_loop_t *loop, uv_run_mode mode)
{
    (void)mode;
    if (finish_all_closing(loop)) {
        swapcontext(&process_running->context, &process_scheduler);
    }
    return 0;
}

void uv_stop(uv_loop_t *loop)
{
    (void)loop;
    process_running->stop = true;
}

void uv_walk(uv_loop_t *loop, uv_walk_cb walk, void *arg)
{
    for (struct ring *ring = handles_of(loop)->next, *next; ring != handles_of(loop); ring = next) {
        next = ring->next;
        walk(handle_of(ring), arg);
    }
}

int uv_is_closing(const uv_handle_t *handle)
{
    return (handle->flags & CLOSING) != 0;
}

int uv_is_active(const uv_handle_t *handle)
{
    return (handle->flags & ACTIVE) != 0;
}

void uv_unref(uv_handle_t *handle)
{
    (void)handle;
}

/* While the process ends there is no next turn of its loop: uv_run() does it. */
void uv_close(uv_handle_t *handle, uv_close_cb close_cb)
{
    if (handle->type == UV_TIMER) {
        (void)uv_timer_stop((uv_timer_t *)handle);
    }
    handle->flags = CLOSING;
    handle->close_cb = close_cb;
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
    timer->type = UV_TIMER;
    timer->start_id = 0;
    timer->repeat = 0;
    handle_init(loop, timer);
    return 0;
}

static void on_timer(void *arg)
{
    uv_timer_t *timer = arg;
    if (timer->repeat > 0) {
        /* A machine that has much to do is late. */
        const int64_t late_us = one_in(8) ? between(0, 2 * (int64_t)timer->repeat * MS) : 0;
        timer->start_id = event_at(process_running, world_now_us() + (int64_t)timer->repeat * MS + late_us,
                                   on_timer, timer);
    } else {
        timer->start_id = 0;
        timer->flags = 0;
    }
    timer->timer_cb(timer);
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb call, uint64_t timeout_ms, uint64_t repeat_ms)
{
    event_cancel(timer->start_id);
    timer->timer_cb = call;
    timer->repeat = repeat_ms;
    timer->timeout = (uint64_t)(world_now_us() / MS) + timeout_ms;
    timer->flags = ACTIVE;
    timer->start_id = event_at(process_running, world_now_us() + (int64_t)timeout_ms * MS, on_timer, timer);
    return 0;
}

uint64_t uv_timer_get_due_in(const uv_timer_t *timer)
{
    const uint64_t now_ms = (uint64_t)(world_now_us() / MS);
    return timer->timeout > now_ms ? timer->timeout - now_ms : 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
    event_cancel(timer->start_id);
    timer->start_id = 0;
    timer->flags &= ~(unsigned)ACTIVE;
    return 0;
}

/* libuv's pool: the work is done at once, and its end told a moment later. */
static void on_worked(void *arg)
{
    uv_work_t *work = arg;
    work->after_work_cb(work, 0);
}

int uv_queue_work(uv_loop_t *loop, uv_work_t *work, uv_work_cb call, uv_after_work_cb after)
{
    work->loop = loop;
    work->after_work_cb = after;
    call(work);
    event_at(process_running, world_now_us() + between(MS, 20 * MS), on_worked, work);
    return 0;
}

/* What a process does before it waits is the log's. */
int uv_prepare_init(uv_loop_t *loop, uv_prepare_t *prepare)
{
    prepare->type = UV_PREPARE;
    handle_init(loop, prepare);
    return 0;
}

int uv_prepare_start(uv_prepare_t *prepare, uv_prepare_cb call)
{
    prepare->prepare_cb = call;
    prepare->flags = ACTIVE;
    return 0;
}

int uv_signal_init(uv_loop_t *loop, uv_signal_t *signal)
{
    signal->type = UV_SIGNAL;
    handle_init(loop, signal);
    return 0;
}

int uv_signal_start(uv_signal_t *signal, uv_signal_cb call, int number)
{
    signal->signal_cb = call;
    signal->signum = number;
    signal->flags = ACTIVE;
    if (number == SIGTERM) {
        process_running->on_term = signal;
    }
    return 0;
}
