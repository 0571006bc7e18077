#include "support/loop.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define TICK_MS 5

static void on_tick(uv_timer_t *tick)
{
    (void)tick;
}

void loop_open(struct test_loop *loop)
{
    cr_assert(eq(int, uv_loop_init(&loop->uv), 0));
    cr_assert(eq(int, uv_timer_init(&loop->uv, &loop->tick), 0));
    cr_assert(eq(int, uv_timer_start(&loop->tick, on_tick, TICK_MS, TICK_MS), 0));
}

static void expect_closing(uv_handle_t *handle, void *arg)
{
    (void)arg;
    cr_expect(uv_is_closing(handle) != 0, "a %s is still open", uv_handle_type_name(handle->type));
}

void loop_close(struct test_loop *loop)
{
    uv_close((uv_handle_t *)&loop->tick, NULL);
    uv_walk(&loop->uv, expect_closing, NULL);
    (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
    cr_expect(eq(int, uv_loop_close(&loop->uv), 0));
}
