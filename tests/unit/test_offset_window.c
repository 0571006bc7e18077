#include "base/offset_window.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "support/chance.h"
#include "support/leaks.h"

TestSuite(offset_window, .fini = no_leaks);

static bool finish(struct offset_window *window, int64_t offset, int64_t *ret_commit)
{
    *ret_commit = -77; /* must stay when nothing grew */
    const bool grew = offset_window_finish(window, offset, ret_commit);
    cr_assert(grew || *ret_commit == -77, "written although the prefix did not grow");
    return grew;
}

Test(offset_window, in_order)
{
    struct offset_window window = {0};
    for (int64_t offset = 0; offset < 200; offset++) {
        int64_t commit;
        offset_window_take(&window, offset);
        cr_assert(finish(&window, offset, &commit));
        cr_assert(eq(i64, commit, offset + 1));
    }
    cr_expect(eq(sz, window.count, 0));
    offset_window_release(&window);
    cr_expect(window.ring == NULL);
}

Test(offset_window, backwards_commits_once_and_everything)
{
    struct offset_window window = {0};
    int64_t commit;
    for (int64_t offset = 0; offset < 1000; offset++) {
        offset_window_take(&window, offset);
    }
    for (int64_t offset = 999; offset > 0; offset--) {
        cr_assert(not(finish(&window, offset, &commit)));
    }
    cr_assert(finish(&window, 0, &commit));
    cr_expect(eq(i64, commit, 1000));
    offset_window_release(&window);
}

Test(offset_window, a_gap_in_the_log_does_not_hold_the_prefix_up)
{
    struct offset_window window = {0};
    int64_t commit;
    offset_window_take(&window, 10);
    offset_window_take(&window, 17);
    offset_window_take(&window, 18);
    cr_expect(not(finish(&window, 17, &commit)));
    cr_expect(finish(&window, 10, &commit));
    cr_expect(eq(i64, commit, 18)); /* behind 17, not behind 10 */
    cr_expect(finish(&window, 18, &commit));
    cr_expect(eq(i64, commit, 19));
    offset_window_release(&window);
}

Test(offset_window, twice_and_unknown_change_nothing)
{
    struct offset_window window = {0};
    int64_t commit;
    cr_expect(not(finish(&window, 0, &commit)), "an empty window");
    offset_window_take(&window, 5);
    offset_window_take(&window, 8);
    offset_window_take(&window, 9);
    cr_expect(not(finish(&window, 4, &commit)), "before the window");
    cr_expect(not(finish(&window, 6, &commit)), "in a gap");
    cr_expect(not(finish(&window, 10, &commit)), "behind the window");
    cr_expect(not(finish(&window, -1, &commit)));
    cr_expect(not(finish(&window, 8, &commit)));
    cr_expect(not(finish(&window, 8, &commit)), "finished, but not in the prefix yet");
    cr_expect(finish(&window, 5, &commit));
    cr_expect(eq(i64, commit, 9));
    cr_expect(not(finish(&window, 5, &commit)), "in the prefix");
    cr_expect(not(finish(&window, 8, &commit)), "in the prefix");
    cr_expect(finish(&window, 9, &commit));
    cr_expect(eq(i64, commit, 10));
    offset_window_release(&window);
}

#define RECORDS 20000

/* What the window has to know, in the plainest way. */
struct model {
    int64_t offsets[RECORDS];
    bool finished[RECORDS];
    size_t taken;
    size_t prefix;
};

static bool model_finish(struct model *model, size_t index, int64_t *ret_commit)
{
    model->finished[index] = true;
    const size_t before = model->prefix;
    while (model->prefix < model->taken && model->finished[model->prefix]) {
        model->prefix++;
    }
    *ret_commit = model->prefix > before ? model->offsets[model->prefix - 1] + 1 : 0;
    return model->prefix > before;
}

/* Takes and finishes at random with about `in_flight` open, now and then finishing something twice. */
static void run(uint64_t chance, size_t in_flight)
{
    static struct model model;
    static size_t open[RECORDS]; /* indexes of what is taken and not finished */
    size_t open_count = 0;
    memset(&model, 0, sizeof model);
    struct offset_window window = {0};
    int64_t offset = (int64_t)chance_below(&chance, 1000);
    while (model.taken < RECORDS || open_count > 0) {
        if (model.taken < RECORDS &&
            (open_count == 0 || chance_below(&chance, 2 * in_flight) >= open_count)) {
            offset += 1 + (chance_below(&chance, 10) == 0 ? (int64_t)chance_below(&chance, 50) : 0);
            model.offsets[model.taken] = offset;
            open[open_count++] = model.taken++;
            offset_window_take(&window, offset);
            continue;
        }
        const bool again = chance_below(&chance, 20) == 0;
        const size_t pick = chance_below(&chance, open_count);
        const size_t index = again ? chance_below(&chance, model.taken) : open[pick];
        if (again && !model.finished[index]) {
            continue;
        }
        if (!again) {
            open[pick] = open[--open_count];
        }
        int64_t commit;
        int64_t wanted;
        const bool grows = model_finish(&model, index, &wanted);
        cr_assert(eq(int, finish(&window, model.offsets[index], &commit), grows));
        cr_assert(grows ? commit == wanted : true, "commit %lld instead of %lld", (long long)commit,
                  (long long)wanted);
        cr_assert(eq(sz, window.count, model.taken - model.prefix));
    }
    cr_assert(eq(sz, model.prefix, RECORDS));
    offset_window_release(&window);
}

Test(offset_window, random_order_agrees_with_the_model)
{
    static const size_t in_flight[] = {1, 2, 10, 63, 64, 65, 500, 5000};
    for (size_t i = 0; i < sizeof in_flight / sizeof *in_flight; i++) {
        run(i + 1, in_flight[i]);
    }
}
