#include "base/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/service.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 5000
#define STABLE_AFTER_MS 10000
#define EXIT_WRONG_SETTING 2

struct supervisor;

struct worker {
    struct supervisor *supervisor;
    const struct supervisor_child *child;
    uv_process_t process;
    uv_timer_t restart;
    bool running;
    int64_t started_ms;
    unsigned backoff_ms;
};

struct supervisor {
    struct service service;
    struct worker *workers;
    size_t count;
    uv_timer_t kill_timer;
    uv_signal_t pass_on[2]; /* SIGUSR1 and SIGUSR2: the children's log levels */
    unsigned grace_ms;
    int exit_code;
};

static void worker_start(struct worker *worker);

static void finish_if_all_ended(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->count; i++) {
        if (supervisor->workers[i].running) {
            return;
        }
    }
    service_done(&supervisor->service);
}

static void on_restart(uv_timer_t *timer)
{
    worker_start(timer->data);
}

static void on_child_exit(uv_process_t *process, int64_t status, int term_signal)
{
    struct worker *worker = process->data;
    struct supervisor *supervisor = worker->supervisor;
    worker->running = false;
    uv_close((uv_handle_t *)process, NULL);

    const bool stopping = supervisor->service.stopping;
    if (stopping || status == EXIT_WRONG_SETTING) {
        if ((status != 0 || term_signal != 0) && supervisor->exit_code == 0) {
            supervisor->exit_code = status != 0 ? (int)status : 128 + term_signal;
        }
        if (!stopping) {
            log_error("%s ended with a setting that is wrong: stopping the others", worker->child->name);
            service_stop(&supervisor->service);
        }
        finish_if_all_ended(supervisor);
        return;
    }
    if (clock_monotonic_ms() - worker->started_ms > STABLE_AFTER_MS) {
        worker->backoff_ms = BACKOFF_FIRST_MS;
    }
    log_warn("%s ended (status %d, signal %d): starting it again in %u ms", worker->child->name, (int)status,
             term_signal, worker->backoff_ms);
    uv_timer_start(&worker->restart, on_restart, worker->backoff_ms, 0);
    worker->backoff_ms = worker->backoff_ms * 2 > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : worker->backoff_ms * 2;
}

/* Ours plus the child's own variables plus the pid it must not outlive; the caller frees the array only. */
static char **environment_for(const struct supervisor_child *child, char *parent_variable)
{
    extern char **environ;
    size_t ours = 0;
    while (environ[ours]) {
        ours++;
    }
    size_t added = 0;
    while (child->environment && child->environment[added]) {
        added++;
    }
    char **all = NEW_ARRAY(char *, ours + added + 2);
    /* The first of two equal names wins in getenv(), so the child's own come first. */
    for (size_t i = 0; i < added; i++) {
        all[i] = child->environment[i];
    }
    all[added] = parent_variable;
    memcpy(all + added + 1, environ, sizeof *all * ours);
    return all;
}

static void worker_start(struct worker *worker)
{
    char parent_variable[64];
    (void)snprintf(parent_variable, sizeof parent_variable, SUPERVISOR_PID_VARIABLE "=%d", (int)getpid());
    char **environment = environment_for(worker->child, parent_variable);
    uv_stdio_container_t inherit[3];
    for (int fd = 0; fd < 3; fd++) {
        inherit[fd] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fd};
    }
    const uv_process_options_t options = {.exit_cb = on_child_exit,
                                          .file = worker->child->arguments[0],
                                          .args = worker->child->arguments,
                                          .env = environment,
                                          .stdio_count = 3,
                                          .stdio = inherit};
    worker->started_ms = clock_monotonic_ms();
    worker->process.data = worker;
    const int failure = uv_spawn(&worker->supervisor->service.loop, &worker->process, &options);
    free(environment);
    if (failure) {
        log_error("cannot start %s: %s", worker->child->name, uv_strerror(failure));
        uv_close((uv_handle_t *)&worker->process, NULL);
        uv_timer_start(&worker->restart, on_restart, BACKOFF_LAST_MS, 0);
        return;
    }
    worker->running = true;
    log_info("%s started (pid %d)", worker->child->name, worker->process.pid);
}

static void signal_all(struct supervisor *supervisor, int signal_number)
{
    for (size_t i = 0; i < supervisor->count; i++) {
        if (supervisor->workers[i].running) {
            (void)uv_process_kill(&supervisor->workers[i].process, signal_number);
        }
    }
}

static void on_kill_time(uv_timer_t *timer)
{
    log_error("some processes did not end in time: killing them");
    signal_all(timer->data, SIGKILL);
}

static void on_level_signal(uv_signal_t *handle, int signal_number)
{
    signal_all(handle->data, signal_number);
}

static void pass_on_levels(struct supervisor *supervisor)
{
    static const int signals[] = {SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        uv_signal_init(&supervisor->service.loop, &supervisor->pass_on[i]);
        supervisor->pass_on[i].data = supervisor;
        uv_signal_start(&supervisor->pass_on[i], on_level_signal, signals[i]);
    }
}

static void stop(void *role)
{
    struct supervisor *supervisor = role;
    for (size_t i = 0; i < supervisor->count; i++) {
        uv_timer_stop(&supervisor->workers[i].restart);
    }
    signal_all(supervisor, SIGTERM);
    uv_timer_start(&supervisor->kill_timer, on_kill_time, supervisor->grace_ms, 0);
    finish_if_all_ended(supervisor);
}

int supervisor_run(const struct supervisor_child *children, size_t count, unsigned grace_ms)
{
    struct supervisor supervisor = {.workers = NEW_ARRAY(struct worker, count), .count = count};
    /* Children that are killed still have to be waited for, so the supervisor's own grace ends later. */
    supervisor.grace_ms = grace_ms;
    service_init(&supervisor.service, grace_ms + 2000, stop, &supervisor);
    uv_timer_init(&supervisor.service.loop, &supervisor.kill_timer);
    supervisor.kill_timer.data = &supervisor;
    pass_on_levels(&supervisor);
    for (size_t i = 0; i < count; i++) {
        struct worker *worker = &supervisor.workers[i];
        *worker =
            (struct worker){.supervisor = &supervisor, .child = &children[i], .backoff_ms = BACKOFF_FIRST_MS};
        uv_timer_init(&supervisor.service.loop, &worker->restart);
        worker->restart.data = worker;
        worker_start(worker);
    }
    const int own_code = service_run(&supervisor.service);
    service_release(&supervisor.service);
    free(supervisor.workers);
    return supervisor.exit_code ? supervisor.exit_code : own_code;
}
