#include "schemas/channels.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "support/fence.h"
#include "support/says.h"

/* A channel's label is its name in lower case, and its topics end in it. */
Test(channels, names_labels_and_topics_agree)
{
    for (int i = 0; i < CHANNEL_COUNT; i++) {
        const enum channel channel = (enum channel)i;
        char label[32] = "";
        for (size_t at = 0; channel_name(channel)[at] && at < sizeof label - 1; at++) {
            label[at] = (char)tolower(channel_name(channel)[at]);
        }
        cr_expect(eq(str, channel_label(channel), label));

        char topic[64];
        (void)snprintf(topic, sizeof topic, "outbound.send.%s", label);
        cr_expect(eq(str, topic_name(channel_topic(channel, false)), topic));
        (void)snprintf(topic, sizeof topic, "outbound.send.%s.urgent", label);
        cr_expect(eq(str, topic_name(channel_topic(channel, true)), topic));
        EXPECT_SAYS(CHANNEL_CHOICES, label);
    }
}

Test(channels, each_is_found_by_its_name_and_by_its_label)
{
    for (int i = 0; i < CHANNEL_COUNT; i++) {
        enum channel found = CHANNEL_COUNT;
        const char *name = channel_name((enum channel)i);
        cr_expect(channel_find(name, strlen(name), &found));
        cr_expect(eq(int, found, i), "by the name %s", name);
        found = CHANNEL_COUNT;
        cr_expect(channel_find_label(channel_label((enum channel)i), &found));
        cr_expect(eq(int, found, i), "by the label of %s", name);
    }
}

static void expect_unknown(const char *name, size_t length, void *arg)
{
    (void)arg;
    enum channel found = CHANNEL_COUNT;
    cr_expect(not(channel_find(name, length, &found)), "%.*s", (int)length, name);
    cr_expect(eq(int, found, CHANNEL_COUNT));
}

Test(channels, other_names_are_unknown)
{
    static const struct {
        const char *name;
        size_t length;
    } rows[] = {{"", 0},      {"E", 1},       {"EMAI", 4},   {"EMAILS", 6},
                {"email", 5}, {"EMAIL\0", 6}, {"EMA\0L", 5}, {" EMAIL", 6}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fenced(rows[i].name, rows[i].length, expect_unknown, NULL);
    }
    enum channel found;
    cr_expect(not(channel_find_label("", &found)));
    cr_expect(not(channel_find_label("EMAIL", &found)));
    cr_expect(not(channel_find_label("emails", &found)));
}
