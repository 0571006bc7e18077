#include "base/kafka_lost.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "support/leaks.h"

TestSuite(kafka_lost, .fini = no_leaks);

/* Of a topic that was never lost all commits count, whatever somebody has written into them. */
Test(kafka_lost, which_commits_count)
{
    static const struct {
        const char *lost; /* "": NULL */
        const char *metadata;
        bool counts;
    } rows[] = {
        {"", "", true},
        {"", "7", true},
        {"{}", "7", true},
        {"{\"other\": 7}", "", true},
        {"{\"t\": 7}", "", false},
        {"{\"t\": 7}", "7", true},
        {"{\"t\": 7}", "6", false},
        {"{\"t\": 7}", "70", false},
        {"{\"t\": 70}", "7", false},
        {"{\"t\": 7, \"*\": 8}", "7", false},
        {"{\"t\": 7, \"*\": 8}", "8", true},
        {"{\"t\": 9, \"*\": 8}", "9", true},
        {"{\"*\": 8}", "", false},
        {"{\"t\": 9223372036854775807}", "9223372036854775807", true},
        {"{\"t\": \"7\"}", "", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *lost = *rows[i].lost ? json_loads(rows[i].lost, 0, NULL) : NULL;
        const rd_kafka_topic_partition_t commit = {
            .topic = "t", .metadata = (void *)rows[i].metadata, .metadata_size = strlen(rows[i].metadata)};
        cr_expect(eq(int, kafka_lost_counts(lost, &commit), rows[i].counts), "%s, %s", rows[i].lost,
                  rows[i].metadata);
        json_decref(lost);
    }
}
