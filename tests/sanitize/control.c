/*
 * sanitize_control NAME does what NAME says: one defect that an analyser has to find, or something in order
 * that it must not take for one. tests/run runs it as it runs the product; an analyser that says nothing
 * there would say nothing anywhere.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

/* What goes through here no compiler takes away. */
static void *volatile hidden;

// NOLINTBEGIN(clang-analyzer-*): defects on purpose
static void leak(void)
{
    hidden = malloc(40);
    hidden = NULL;
}

static void uninitialised(void)
{
    hidden = malloc(sizeof(int));
    if (*(int *)hidden > 0) {
        (void)puts("positive");
    }
    free(hidden);
}

static void past_the_end(void)
{
    hidden = malloc(8);
    ((char *)hidden)[8] = 1;
    free(hidden);
}

static void after_free(void)
{
    hidden = malloc(8);
    free(hidden);
    *(char *)hidden = 1;
}

static void int_overflow(void)
{
    static volatile int most = INT_MAX;
    most = most + 1;
}

// NOLINTEND(clang-analyzer-*)

/* Threads as librdkafka makes them (c11_threads.c). */
static mtx_t lock;
static int shared;

static int add_alone(void *arg)
{
    (void)arg;
    shared++;
    return 0;
}

static int add_in_turn(void *arg)
{
    (void)mtx_lock(&lock);
    shared++;
    (void)mtx_unlock(&lock);
    return arg != NULL;
}

static void both(thrd_start_t add)
{
    thrd_t thread;
    if (thrd_create(&thread, add, NULL) != thrd_success) {
        abort();
    }
    (void)add(NULL);
    (void)thrd_join(thread, NULL);
}

static void race(void)
{
    both(add_alone);
}

static void in_turn(void)
{
    (void)mtx_init(&lock, mtx_plain);
    both(add_in_turn);
    mtx_destroy(&lock);
}

static const struct {
    const char *name;
    void (*run)(void);
} controls[] = {
    {"leak", leak},
    {"uninitialised", uninitialised},
    {"past_the_end", past_the_end},
    {"after_free", after_free},
    {"int_overflow", int_overflow},
    {"race", race},
    {"in_turn", in_turn},
};

int main(int count, char **arguments)
{
    for (size_t i = 0; count == 2 && i < sizeof controls / sizeof *controls; i++) {
        if (strcmp(controls[i].name, arguments[1]) == 0) {
            controls[i].run();
            return 0;
        }
    }
    (void)fprintf(stderr, "usage: sanitize_control NAME\n");
    return 2;
}
