#include "schemas/topics.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "support/says.h"

Test(topics, rows_are_whole_and_names_unique)
{
    for (int i = 0; i < TOPIC_COUNT; i++) {
        const struct topic_row *row = &topic_table[i];
        cr_expect(eq(str, topic_name((enum topic)i), row->name));
        cr_expect(strncmp(row->name, "outbound.", 9) == 0, "%s", row->name);
        /* Kafka mixes up names that differ only in dot and underscore. */
        cr_expect(eq(sz, strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789.-"), strlen(row->name)),
                  "%s", row->name);
        cr_expect(lt(sz, strlen(row->name), 250));
        cr_expect(gt(int, row->partitions, 0), "%s", row->name);
        cr_expect(gt(i64, row->retention_h, 0), "%s", row->name);
        cr_expect(ne(str, row->schema, ""), "%s", row->name);
        cr_expect(ne(str, row->written_by, ""), "%s", row->name);
        cr_expect(ne(str, row->read_by, ""), "%s", row->name);
        cr_expect(ne(str, row->help, ""), "%s", row->name);
        for (int j = 0; j < i; j++) {
            cr_expect(ne(str, row->name, topic_table[j].name));
        }
    }
}

Test(topics, dead_letters_stay_longest)
{
    for (int i = 0; i < TOPIC_COUNT; i++) {
        cr_expect(ge(i64, topic_table[TOPIC_DLQ].retention_h, topic_table[i].retention_h), "%s",
                  topic_table[i].name);
    }
}

Test(topics, the_page_shows_every_row)
{
    char *page = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&page, &size);
    topics_print_markdown(out);
    (void)fclose(out);
    for (int i = 0; i < TOPIC_COUNT; i++) {
        EXPECT_SAYS(page, topic_table[i].name);
        EXPECT_SAYS(page, topic_table[i].help);
    }
    free(page);
}
