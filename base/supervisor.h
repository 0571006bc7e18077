/*
 * supervisor.h - keeps a set of child processes running.
 *
 * A child that ends is started again after a pause that doubles from 100 ms to 5 s and is forgotten once a
 * child has run for 10 s. A child that exits with code 2 (a wrong setting) is not: the supervisor stops,
 * because trying again cannot help.
 */
#ifndef BASE_SUPERVISOR_H
#define BASE_SUPERVISOR_H

#include <stddef.h>
#include <uv.h>

/* In a child's environment: the process it must not outlive. */
#define SUPERVISOR_PID_VARIABLE "OUTBOUND_SUPERVISOR_PID"

struct supervisor_child {
    const char *name;   /* for the log */
    char **arguments;   /* argv, NULL at the end; [0] is the executable's path */
    char **environment; /* what is added to ours, "NAME=value", NULL at the end; may be NULL */
};

/*
 * Runs until SIGTERM or SIGINT has been passed on and every child has ended. Returns the exit code: 0, or the
 * first one of a child that ended with an error while stopping. `grace_ms` after the signal, the children
 * that are left are killed.
 */
int supervisor_run(const struct supervisor_child *children, size_t count, unsigned grace_ms);

#endif
