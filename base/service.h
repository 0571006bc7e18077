/*
 * service.h - the life of a process: one event loop, started once, stopped in good order.
 *
 * The first SIGTERM or SIGINT asks the role to finish what it has in hand; the role says when that is done.
 * A second signal, or the end of the grace period, ends the process at once. What comes within half a second
 * is the same signal twice: from the terminal or the service manager, and passed on by a supervisor.
 *
 * SIGUSR1 makes the log tell one level more, SIGUSR2 one level less.
 */
#ifndef BASE_SERVICE_H
#define BASE_SERVICE_H

#include <stdbool.h>
#include <uv.h>

typedef void service_stop_fn(void *role);

struct service {
    uv_loop_t loop;
    uv_signal_t on_term;
    uv_signal_t on_int;
    uv_signal_t on_more; /* SIGUSR1 and SIGUSR2 */
    uv_signal_t on_less;
    uv_timer_t grace;
    uv_prepare_t before_wait; /* what was logged in this turn is written */
    service_stop_fn *stop;
    void *role;
    unsigned grace_ms;
    bool stopping;
    int64_t stopping_since_ms; /* monotonic */
    int exit_code;
};

/*
 * Prepares the loop and the signals. `stop(role)` is called once, on the loop, when the process is to end;
 * the role answers with service_done(), at once or later, within `grace_ms`.
 *
 * When a supervisor started this process (see supervisor.h), the process also ends with its supervisor.
 */
void service_init(struct service *service, unsigned grace_ms, service_stop_fn *stop, void *role);

/* Runs the loop until service_done(). What is logged meanwhile is written once a turn (log_keep()). Returns
 * the exit code: 0, or 1 when the grace period ran out. */
int service_run(struct service *service);

/* Starts stopping from within, as a SIGTERM would. */
void service_stop(struct service *service);

/* The same because something failed for good: the exit code will be 1. */
void service_fail(struct service *service);

/* The role has nothing left in hand. */
void service_done(struct service *service);

/* Closes what is left on the loop and frees it. What uses the loop must have been closed before. */
void service_release(struct service *service);

#endif
