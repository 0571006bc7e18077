#include "base/service.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/supervisor.h"

#define SAME_SIGNAL_MS 500

static void follow_supervisor(void)
{
    const char *parent = getenv(SUPERVISOR_PID_VARIABLE);
    if (!parent) {
        return;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != (pid_t)strtol(parent, NULL, 10)) {
        _exit(0); /* it died before we could ask to be told */
    }
}

static void on_signal(uv_signal_t *handle, int signal_number)
{
    struct service *service = handle->data;
    if (service->stopping && clock_monotonic_ms() - service->stopping_since_ms < SAME_SIGNAL_MS) {
        return;
    }
    if (service->stopping) {
        log_warn("second %s: ending at once", strsignal(signal_number));
        _exit(128 + signal_number);
    }
    log_info("%s: finishing what is in hand", strsignal(signal_number));
    service_stop(service);
}

static void on_level_signal(uv_signal_t *handle, int signal_number)
{
    (void)handle;
    log_change_level(signal_number == SIGUSR1 ? -1 : 1);
}

static void on_grace_over(uv_timer_t *timer)
{
    struct service *service = timer->data;
    log_error("not finished within %u ms: ending anyway", service->grace_ms);
    service->exit_code = 1;
    uv_stop(&service->loop);
}

static void on_before_wait(uv_prepare_t *prepare)
{
    (void)prepare;
    log_flush();
}

static void watch_signal(struct service *service, uv_signal_t *handle, int signal_number, uv_signal_cb act)
{
    uv_signal_init(&service->loop, handle);
    handle->data = service;
    uv_signal_start(handle, act, signal_number);
}

void service_init(struct service *service, unsigned grace_ms, service_stop_fn *stop, void *role)
{
    follow_supervisor();
    *service = (struct service){.stop = stop, .role = role, .grace_ms = grace_ms};
    (void)signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&service->loop);
    uv_timer_init(&service->loop, &service->grace);
    service->grace.data = service;
    uv_prepare_init(&service->loop, &service->before_wait);
    uv_prepare_start(&service->before_wait, on_before_wait); /* the first one that is started runs last */
    watch_signal(service, &service->on_term, SIGTERM, on_signal);
    watch_signal(service, &service->on_int, SIGINT, on_signal);
    watch_signal(service, &service->on_more, SIGUSR1, on_level_signal);
    watch_signal(service, &service->on_less, SIGUSR2, on_level_signal);
}

int service_run(struct service *service)
{
    log_keep(true);
    uv_run(&service->loop, UV_RUN_DEFAULT);
    log_keep(false);
    return service->exit_code;
}

void service_stop(struct service *service)
{
    if (!service->stopping) {
        service->stopping = true;
        service->stopping_since_ms = clock_monotonic_ms();
        uv_timer_start(&service->grace, on_grace_over, service->grace_ms, 0);
        service->stop(service->role);
    }
}

void service_fail(struct service *service)
{
    service->exit_code = 1;
    service_stop(service);
}

void service_done(struct service *service)
{
    uv_stop(&service->loop);
}

static void close_if_open(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void service_release(struct service *service)
{
    uv_walk(&service->loop, close_if_open, NULL);
    uv_run(&service->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&service->loop);
}
