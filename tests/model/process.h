/*
 * process.h - a process of the product within the model: a role's run function, unchanged, on a stack of its
 * own.
 *
 * When the role runs its event loop, the stack is left and the world calls what the loop would have called;
 * when the role stops the loop, the run function goes on to its end. A process that is killed is never gone
 * on with, and all its memory is gone: each allocation of the executable belongs to the process that made it.
 */
#ifndef MODEL_PROCESS_H
#define MODEL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/config.h"

struct process;

typedef int process_run_fn(const struct config *config);

#define PROCESSES_MAX 8

/* Kills all there were and begins anew with none. */
void processes_reset(void);

/* One that is not started yet; NULL when there are PROCESSES_MAX. */
struct process *process_new(const char *name, process_run_fn *run, const struct config *config);
size_t process_count(void);
struct process *process_at(size_t index);

void process_start(struct process *process);
void process_kill(struct process *process);                     /* SIGKILL */
void process_terminate(struct process *process);                /* SIGTERM */
void process_freeze(struct process *process, int64_t until_us); /* SIGSTOP, and SIGCONT then */
bool process_is_up(const struct process *process);

/* Its wall clock differs from the world's by this. */
void process_set_clock(struct process *process, int64_t ahead_us);

const char *process_name(const struct process *process);
unsigned process_life(const struct process *process); /* counts up with each start and each end */
int64_t process_frozen_until(const struct process *process);

/* Whose code runs now; NULL: the world's. Between enter and leave it is that of `process`. */
struct process *process_current(void);
void process_enter(struct process *process);
void process_leave(void);

/* When a process has ended, in whichever way; its handles to servers are gone with it. */
void process_on_end(void (*on_end)(struct process *process));

/* Memory that belongs to no process. */
void *process_free_malloc(size_t size);
void *process_free_realloc(void *pointer, size_t size);

#endif
