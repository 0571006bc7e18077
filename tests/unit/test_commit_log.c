#include "metrics/exporter/commit_log.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "support/leaks.h"

TestSuite(commit_log, .fini = no_leaks);

/* As Java says: Utils.abs(name.hashCode()) % 50. */
Test(commit_log, place_of_a_group)
{
    static const struct {
        const char *group;
        int32_t place;
    } rows[] = {
        {"", 0},
        {"a", 47},
        {"outbound-router", 40},
        {"bench-exporter-7", 40},
        {"connect-sink", 22},
        {"outbound.sender.email", 13},
        {"polygenelubricants", 0}, /* the one number that has no positive */
        {"gr\xc3\xbcn", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect(eq(i32, commit_log_partition_of(rows[i].group, 50), rows[i].place), "%s", rows[i].group);
    }
    cr_expect(eq(i32, commit_log_partition_of("a", 0), -1));
}

static void found(struct commit_log *log, int32_t leader_of_second)
{
    struct rd_kafka_metadata_partition partitions[] = {{.id = 0, .leader = 1},
                                                       {.id = 1, .leader = leader_of_second}};
    const struct rd_kafka_metadata_topic topic = {
        .topic = COMMIT_LOG_TOPIC, .partitions = partitions, .partition_cnt = 2};
    commit_log_found(log, &topic);
}

/* A look at which partition 0 ends at `first` and 1, if it is asked for, at `second`. */
static int look(struct commit_log *log, int64_t first, int64_t second, bool answered)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
    commit_log_list(log, list);
    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = list->elems[i].partition == 0 ? first : second;
    }
    commit_log_take(log, list, answered);
    const int asked = list->cnt;
    rd_kafka_topic_partition_list_destroy(list);
    return asked;
}

#define IN_FIRST "b"  /* 98 */
#define IN_SECOND "a" /* 97 */

Test(commit_log, still_for_two_looks_is_quiet)
{
    struct commit_log log = {0};
    cr_expect(eq(int, look(&log, 0, 0, true), 0));
    cr_expect(not(commit_log_is_quiet(&log, IN_FIRST)));
    found(&log, 1);
    cr_expect(eq(int, look(&log, 5, 7, true), 2));
    cr_expect(eq(int, look(&log, 5, 7, true), 2));
    cr_expect(not(commit_log_is_quiet(&log, IN_FIRST)));
    look(&log, 5, 8, true);
    cr_expect(commit_log_is_quiet(&log, IN_FIRST));
    cr_expect(not(commit_log_is_quiet(&log, IN_SECOND)));
    look(&log, 6, 8, true);
    look(&log, 6, 8, true);
    cr_expect(not(commit_log_is_quiet(&log, IN_FIRST)));
    cr_expect(commit_log_is_quiet(&log, IN_SECOND));
    commit_log_release(&log);
}

Test(commit_log, what_is_not_known_is_not_quiet)
{
    struct commit_log log = {0};
    found(&log, 1);
    for (int i = 0; i < 3; i++) {
        look(&log, 5, 7, true);
    }
    found(&log, -1); /* without a leader */
    cr_expect(eq(int, look(&log, 5, 7, true), 1));
    cr_expect(commit_log_is_quiet(&log, IN_FIRST));
    cr_expect(not(commit_log_is_quiet(&log, IN_SECOND)));
    look(&log, 5, 7, false);
    cr_expect(not(commit_log_is_quiet(&log, IN_FIRST)));
    commit_log_release(&log);
}

Test(commit_log, another_kafka)
{
    struct commit_log log = {0};
    found(&log, 1);
    for (int i = 0; i < 3; i++) {
        look(&log, 5, 7, true);
    }
    commit_log_was_wrong(&log);
    found(&log, 1);
    cr_expect(eq(int, look(&log, 5, 7, true), 0));
    cr_expect(not(commit_log_is_quiet(&log, IN_FIRST)));
    commit_log_release(&log);
}
