#include "schemas/states.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/lifecycle.h"
#include "schemas/migrate.h"
#include "support/says.h"

Test(states, every_change_that_a_statement_makes_is_legal)
{
    cr_assert(gt(sz, lifecycle_change_count, 0));
    for (size_t i = 0; i < lifecycle_change_count; i++) {
        const struct lifecycle_change *change = &lifecycle_changes[i];
        cr_expect(state_may_change(change->from, change->to), "%s: %s to %s", change->statement->name,
                  state_name(change->from), state_name(change->to));
    }
}

Test(states, every_legal_change_is_made_by_a_statement)
{
    for (int from = 0; from < STATE_COUNT; from++) {
        for (int to = 0; to < STATE_COUNT; to++) {
            bool made = false;
            for (size_t i = 0; i < lifecycle_change_count; i++) {
                made = made || ((int)lifecycle_changes[i].from == from && (int)lifecycle_changes[i].to == to);
            }
            cr_expect(made == state_may_change((enum state)from, (enum state)to), "%s to %s",
                      state_name((enum state)from), state_name((enum state)to));
        }
    }
}

Test(states, nothing_leaves_an_end)
{
    static const enum state ends[] = {STATE_SENT, STATE_CANCELLED};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        for (int to = 0; to < STATE_COUNT; to++) {
            cr_expect(not(state_may_change(ends[i], (enum state)to)), "%s to %s", state_name(ends[i]),
                      state_name((enum state)to));
        }
    }
}

/* But for an answer that came too late to be waited for, and a person who replays it. */
Test(states, what_was_given_up_can_only_turn_out_to_be_sent_or_be_replayed)
{
    for (int to = 0; to < STATE_COUNT; to++) {
        cr_expect(state_may_change(STATE_FAILED, (enum state)to) == (to == STATE_SENT || to == STATE_QUEUED),
                  "%s", state_name((enum state)to));
        cr_expect(state_may_change(STATE_EXPIRED, (enum state)to) == (to == STATE_QUEUED), "%s",
                  state_name((enum state)to));
    }
}

Test(states, nothing_changes_into_itself_or_back_into_an_attempt_without_being_queued)
{
    for (int i = 0; i < STATE_COUNT; i++) {
        cr_expect(not(state_may_change((enum state)i, (enum state)i)), "%s", state_name((enum state)i));
        cr_expect(i == STATE_QUEUED || !state_may_change((enum state)i, STATE_SENDING), "%s",
                  state_name((enum state)i));
    }
    cr_expect(state_may_change(STATE_QUEUED, STATE_SENDING));
}

/* The states that the column `status` accepts: no more, no fewer. */
Test(states, the_database_knows_the_same_ones)
{
    const char *list = NULL;
    for (size_t i = 0; i < migration_count && !list; i++) {
        list = strstr(migrations[i].sql, "CHECK (status IN (");
    }
    cr_assert(list != NULL);
    char *names = strndup(list, strcspn(list, ")"));
    int count = 0;
    for (const char *at = names; (at = strchr(at, '\'')); at = strchr(at + 1, '\'') + 1) {
        count++;
    }
    cr_expect(eq(int, count, STATE_COUNT));
    for (int i = 0; i < STATE_COUNT; i++) {
        char quoted[32];
        (void)snprintf(quoted, sizeof quoted, "'%s'", state_name((enum state)i));
        EXPECT_SAYS(names, quoted);
    }
    free(names);
}
