/*
 * process_parts.h - a process from within: for memory.c, event_loop.c and process.c.
 */
#ifndef MODEL_PROCESS_PARTS_H
#define MODEL_PROCESS_PARTS_H

#include <ucontext.h>
#include <uv.h>

#include "tests/model/process.h"

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

/* Whose code runs now, and where that goes on when it waits for its loop. */
extern struct process *process_running;
extern ucontext_t process_scheduler;

/* Frees all that the process has allocated. True: that was something. */
bool memory_forget(struct process *process);

/* An empty ring. */
void memory_begin(struct process *process);

#endif
