/*
 * Processes, and what the C library and libuv are to them: memory, clocks, an event loop with timers and
 * signals. The linker gives the product's calls of malloc() and clock_gettime() to us (-Wl,--wrap); libuv's
 * functions are defined here, so that libuv itself is not used.
 */
#include "tests/model/process.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <uv.h>

#include "tests/model/world.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define STACK_SIZE ((size_t)1024 * 1024)
#else
#define STACK_SIZE ((size_t)256 * 1024)
#endif

/* Before each allocation. */
struct block {
    struct block *next;
    struct block *previous;
    size_t size;
    size_t padding; /* what follows is aligned as malloc()'s */
};

struct process {
    const char *name;
    process_run_fn *run;
    const struct config *config;
    unsigned life;
    bool up;
    bool terminated; /* it has had a SIGTERM */
    int64_t frozen_until_us;
    int64_t ahead_us;
    ucontext_t context;
    char *stack;
    struct block blocks; /* a ring */
    uv_loop_t *loop;     /* while it runs */
    uv_signal_t *on_term;
    bool stop;     /* uv_stop() was called */
    bool returned; /* from its run function */
};

static struct process processes[PROCESSES_MAX];
static size_t count;
static struct process nobody = {.name = "", .blocks = {&nobody.blocks, &nobody.blocks, 0, 0}};
static struct process *current;
static ucontext_t scheduler;
static void (*end_listener)(struct process *process);

/* Memory. */

void *__real_malloc(size_t size);
void *__real_realloc(void *pointer, size_t size);
void __real_free(void *pointer);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *pointer);

static void link_block(struct block *block)
{
    struct block *ring = &(current ? current : &nobody)->blocks;
    block->next = ring->next;
    block->previous = ring;
    ring->next->previous = block;
    ring->next = block;
}

void *__wrap_malloc(size_t size)
{
    struct block *block = __real_malloc(sizeof *block + size);
    if (!block) {
        abort();
    }
    block->size = size;
    link_block(block);
    return block + 1;
}

void *__wrap_calloc(size_t number, size_t size)
{
    return memset(__wrap_malloc(number * size), 0, number * size);
}

void __wrap_free(void *pointer)
{
    if (pointer) {
        struct block *block = (struct block *)pointer - 1;
        block->next->previous = block->previous;
        block->previous->next = block->next;
        __real_free(block);
    }
}

void *__wrap_realloc(void *pointer, size_t size)
{
    void *larger = __wrap_malloc(size);
    if (pointer) {
        const size_t had = ((struct block *)pointer - 1)->size;
        memcpy(larger, pointer, had < size ? had : size);
        __wrap_free(pointer);
    }
    return larger;
}

char *__wrap_strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    return memcpy(__wrap_malloc(size), text, size);
}

static void forget_memory(struct process *process)
{
    for (struct block *block = process->blocks.next, *next; block != &process->blocks; block = next) {
        next = block->next;
        __real_free(block);
    }
    process->blocks = (struct block){&process->blocks, &process->blocks, 0, 0};
}

void *process_free_malloc(size_t size)
{
    struct process *was = current;
    current = NULL;
    void *pointer = __wrap_malloc(size);
    current = was;
    return pointer;
}

void *process_free_realloc(void *pointer, size_t size)
{
    struct process *was = current;
    current = NULL;
    void *larger = __wrap_realloc(pointer, size);
    current = was;
    return larger;
}

/* Clocks. */

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_time);
time_t __wrap_time(time_t *ret_time);

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_time)
{
    const int64_t wall_us = world_wall_us() + (current ? current->ahead_us : 0);
    const int64_t us = id == CLOCK_REALTIME ? wall_us : world_now_us() + SECOND;
    *ret_time = (struct timespec){.tv_sec = us / SECOND, .tv_nsec = us % SECOND * 1000};
    return 0;
}

time_t __wrap_time(time_t *ret_time)
{
    struct timespec now;
    (void)__wrap_clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time) {
        *ret_time = now.tv_sec;
    }
    return now.tv_sec;
}

/* Processes. */

void processes_reset(void)
{
    for (size_t i = 0; i < count; i++) {
        forget_memory(&processes[i]);
        processes[i].up = false;
        processes[i].life++;
    }
    count = 0;
    current = NULL;
}

struct process *process_new(const char *name, process_run_fn *run, const struct config *config)
{
    if (count == PROCESSES_MAX) {
        return NULL;
    }
    struct process *process = &processes[count++];
    char *stack = process->stack ? process->stack : process_free_malloc(STACK_SIZE);
    *process = (struct process){
        .name = name, .run = run, .config = config, .life = process->life + 1, .stack = stack};
    process->blocks = (struct block){&process->blocks, &process->blocks, 0, 0};
    return process;
}

size_t process_count(void)
{
    return count;
}

struct process *process_at(size_t index)
{
    return &processes[index];
}

static void ended(struct process *process)
{
    process->up = false;
    process->life++;
    process->loop = NULL;
    process->on_term = NULL;
    if (end_listener) {
        end_listener(process);
    }
}

static void run_on_its_stack(void)
{
    struct process *process = current;
    if (process->run(process->config) != 0) {
        violated("%s ended with a failure", process->name);
    }
    process->returned = true;
}

/* Goes on with the process's own stack until it waits for its loop again, or has come to its end. */
static void go_on(struct process *process)
{
    struct process *was = current;
    current = process;
    swapcontext(&scheduler, &process->context);
    current = was;
    if (process->returned) {
        ended(process);
        if (process->blocks.next != &process->blocks) {
            violated("%s ended in good order and left memory behind (a block of %zu bytes)", process->name,
                     process->blocks.next->size);
        }
        forget_memory(process);
    }
}

void process_start(struct process *process)
{
    process->up = true;
    process->returned = false;
    process->stop = false;
    process->terminated = false;
    process->life++;
    process->frozen_until_us = 0;
#ifdef __SANITIZE_ADDRESS__
    ASAN_UNPOISON_MEMORY_REGION(process->stack, STACK_SIZE);
#endif
    getcontext(&process->context);
    process->context.uc_stack = (stack_t){.ss_sp = process->stack, .ss_size = STACK_SIZE};
    process->context.uc_link = &scheduler;
    makecontext(&process->context, run_on_its_stack, 0);
    tell("%s starts", process->name);
    go_on(process);
}

void process_kill(struct process *process)
{
    if (process->up) {
        tell("%s is killed", process->name);
        ended(process);
        forget_memory(process);
    }
}

static void on_terminate(void *arg)
{
    struct process *process = arg;
    if (process->on_term) {
        process->on_term->signal_cb(process->on_term, SIGTERM);
    }
}

/* A second one would end it with _exit(), see base/service.c: that is a kill. */
void process_terminate(struct process *process)
{
    if (process->up && process->terminated) {
        process_kill(process);
    } else if (process->up) {
        process->terminated = true;
        tell("%s gets SIGTERM", process->name);
        event_at(process, world_now_us(), on_terminate, process);
    }
}

void process_freeze(struct process *process, int64_t until_us)
{
    if (process->up) {
        tell("%s is stopped for %.0f ms", process->name, (double)(until_us - world_now_us()) / 1e3);
        process->frozen_until_us = until_us;
    }
}

bool process_is_up(const struct process *process)
{
    return process->up;
}

void process_set_clock(struct process *process, int64_t ahead_us)
{
    process->ahead_us = ahead_us;
}

const char *process_name(const struct process *process)
{
    return process->name;
}

unsigned process_life(const struct process *process)
{
    return process->life;
}

int64_t process_frozen_until(const struct process *process)
{
    return process->frozen_until_us;
}

struct process *process_current(void)
{
    return current;
}

void process_enter(struct process *process)
{
    current = process;
}

void process_leave(void)
{
    struct process *process = current;
    current = NULL;
    if (process->up && process->stop) {
        process->stop = false;
        go_on(process);
    }
}

void process_on_end(void (*on_end)(struct process *process))
{
    end_listener = on_end;
}

/* The loop. Of a handle's members: `flags` and the ring of its loop's handles, a timer's start_id (its
 * event).
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
    current->loop = loop;
    return 0;
}

int uv_loop_close(uv_loop_t *loop)
{
    if (handles_of(loop)->next != handles_of(loop)) {
        violated("%s closes its loop while handles are open", current->name);
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
        swapcontext(&current->context, &scheduler);
    }
    return 0;
}

void uv_stop(uv_loop_t *loop)
{
    (void)loop;
    current->stop = true;
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
        timer->start_id =
            event_at(current, world_now_us() + (int64_t)timer->repeat * MS + late_us, on_timer, timer);
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
    timer->flags = ACTIVE;
    timer->start_id = event_at(current, world_now_us() + (int64_t)timeout_ms * MS, on_timer, timer);
    return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
    event_cancel(timer->start_id);
    timer->start_id = 0;
    timer->flags &= ~(unsigned)ACTIVE;
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
        current->on_term = signal;
    }
    return 0;
}
