#include <criterion/criterion.h>

#include "base/pace.h"

Test(pace, the_first_batch_does_not_wait)
{
    const struct pace pace = {0};
    cr_expect(pace_wait_ms(&pace, 1) == 0);
}

Test(pace, a_small_batch_puts_off_the_next_by_little_and_a_large_one_by_the_most)
{
    struct pace pace = {0};
    pace_begin(&pace, 1000000, 1, 500);
    cr_expect(pace_wait_ms(&pace, 1000000) == 0);
    pace_begin(&pace, 1000000, 4, 500);
    cr_expect(pace_wait_ms(&pace, 1000000) == 2);
    pace_begin(&pace, 1000000, 100000, 500);
    cr_expect(pace_wait_ms(&pace, 1000000) == PACE_MAX_US / 1000);
    cr_expect(pace_wait_ms(&pace, 1000000 + PACE_MAX_US) == 0);
}

Test(pace, the_most_is_the_same_however_much_an_item_counts)
{
    struct pace pace = {0};
    pace_begin(&pace, 1000000, 1, 5000);
    cr_expect(pace_wait_ms(&pace, 1000000) == 5);
    pace_begin(&pace, 1000000, 3, 5000);
    cr_expect(pace_wait_ms(&pace, 1000000) == PACE_MAX_US / 1000);
}

Test(pace, less_than_a_millisecond_is_not_waited_for)
{
    struct pace pace = {0};
    pace_begin(&pace, 0, 3, 500);
    cr_expect(pace_wait_ms(&pace, 500) == 1);
    cr_expect(pace_wait_ms(&pace, 501) == 0);
}
