/*
 * Processes and their clocks: the linker gives us the calls of clock_gettime() and time() (-Wl,--wrap).
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/model/process_parts.h"
#include "tests/model/world.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define STACK_SIZE ((size_t)1024 * 1024)
#else
#define STACK_SIZE ((size_t)256 * 1024)
#endif

static struct process processes[PROCESSES_MAX];
static size_t count;
struct process *process_running;
ucontext_t process_scheduler;
static void (*end_listener)(struct process *process);

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_time);
time_t __wrap_time(time_t *ret_time);

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_time)
{
    const int64_t wall_us = world_wall_us() + (process_running ? process_running->ahead_us : 0);
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

void processes_reset(void)
{
    for (size_t i = 0; i < count; i++) {
        (void)memory_forget(&processes[i]);
        processes[i].up = false;
        processes[i].life++;
    }
    count = 0;
    process_running = NULL;
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
    memory_begin(process);
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
    struct process *process = process_running;
    if (process->run(process->config) != 0) {
        violated("%s ended with a failure", process->name);
    }
    process->returned = true;
}

/* Goes on with the process's own stack until it waits for its loop again, or has come to its end. */
static void go_on(struct process *process)
{
    struct process *was = process_running;
    process_running = process;
    swapcontext(&process_scheduler, &process->context);
    process_running = was;
    if (process->returned) {
        ended(process);
        if (memory_forget(process)) {
            violated("%s ended in good order and left memory behind", process->name);
        }
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
    process->context.uc_link = &process_scheduler;
    makecontext(&process->context, run_on_its_stack, 0);
    tell("%s starts", process->name);
    go_on(process);
}

void process_kill(struct process *process)
{
    if (process->up) {
        tell("%s is killed", process->name);
        ended(process);
        (void)memory_forget(process);
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
    /* Never shorter than it is: what has been put off until then would come after what follows it. */
    if (process->up && until_us > process->frozen_until_us) {
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
    return process_running;
}

void process_enter(struct process *process)
{
    process_running = process;
}

void process_leave(void)
{
    struct process *process = process_running;
    process_running = NULL;
    if (process->up && process->stop) {
        process->stop = false;
        go_on(process);
    }
}

void process_on_end(void (*on_end)(struct process *process))
{
    end_listener = on_end;
}
