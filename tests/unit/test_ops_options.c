#include "schemas/ops_options.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/says.h"

#define WORDS_MAX 8

/* Words separated by spaces. */
static bool parse(const char *line, struct ops_request *ret_request, struct error *error)
{
    static char text[256];
    char *words[WORDS_MAX];
    size_t count = 0;
    (void)snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word && count < WORDS_MAX; word = strtok(NULL, " ")) {
        words[count++] = word;
    }
    return ops_parse(words, count, ret_request, error);
}

Test(ops_options, values_come_with_or_behind_their_option)
{
    struct ops_request request;
    struct error error;
    cr_assert(parse("defer --channel=SMS --for 4h --except-templates=a,b --json", &request, &error), "%s",
              error.text);
    cr_expect(eq(str, request.command->name, "defer"));
    cr_expect(eq(str, request.values[OPS_CHANNEL], "SMS"));
    cr_expect(eq(str, request.values[OPS_FOR], "4h"));
    cr_expect(eq(str, request.values[OPS_EXCEPT_TEMPLATES], "a,b"));
    cr_expect(request.values[OPS_ORG] == NULL);
    cr_expect(ne(int, request.given &OPS_BIT(OPS_JSON), 0));
}

Test(ops_options, what_is_not_given_has_its_initial_value)
{
    struct ops_request request;
    struct error error;
    cr_assert(parse("stuck", &request, &error));
    cr_expect(eq(str, request.values[OPS_OLDER_THAN], "2h"));
    cr_expect(eq(str, request.values[OPS_ATTEMPTS], "3"));
}

Test(ops_options, some_change_something_only_when_told)
{
    static const struct {
        const char *line;
        bool changes;
    } rows[] = {{"queue", false},    {"stuck", false},         {"stuck --requeue", true},
                {"retry-now", true}, {"quota --org=o", false}, {"quota --org=o --limit=0", true},
                {"archive", true},   {"archive --json", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ops_request request;
        struct error error;
        cr_assert(parse(rows[i].line, &request, &error), "%s: %s", rows[i].line, error.text);
        cr_expect(ops_changes(&request) == rows[i].changes, "%s", rows[i].line);
    }
}

Test(ops_options, what_is_wrong_is_named)
{
    static const struct {
        const char *line, *names;
    } rows[] = {
        {"", "ops --help"},
        {"queues", "queues"},
        {"queue now", "now"},
        {"queue --channel", "--channel"},
        {"queue --channel=FAX", "--channel"},
        {"queue --channel=", "--channel"},
        {"queue --chan=SMS", "--chan"},
        {"queue --older-than=1h", "--older-than"},
        {"queue --dry-run", "--dry-run"},
        {"queue --json=yes", "--json"},
        {"queue --org=", "--org"},
        {"failures --since=yesterday", "--since"},
        {"failures --since=-1h", "--since"},
        {"failures --since=1", "--since"},
        {"failures --since=h", "--since"},
        {"failures --since=1hh", "--since"},
        {"failures --since=123456h", "--since"},
        {"stuck --id=4711", "--id"},
        {"stuck --attempts=-1", "--attempts"},
        {"stuck --attempts=2147483648", "--attempts"},
        {"stuck --dry-run", "--dry-run"},
        {"defer --channel=SMS", "--for"},
        {"defer --for=4h", "--channel"},
        {"quota --limit=5", "--org"},
        {"quota --org=o --limit=5x", "--limit"},
        {"quota --org=o --percent=1001", "--percent"},
        {"quota --org=o --percent=50 --limit=5", "--percent"},
        {"archive --status=QUEUED", "--status"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ops_request request;
        struct error error = {""};
        cr_expect(not(parse(rows[i].line, &request, &error)), "%s", rows[i].line);
        EXPECT_SAYS(error.text, rows[i].names);
    }
}

/* A statement may name any of the values, and nothing else. */
Test(ops_options, statements_have_no_other_parameters)
{
    for (size_t i = 0; i < ops_command_count; i++) {
        const char *const texts[] = {ops_commands[i].read, ops_commands[i].change};
        for (size_t j = 0; j < 2; j++) {
            for (const char *at = texts[j]; at && (at = strchr(at, '$')); at++) {
                const long number = strtol(at + 1, NULL, 10);
                cr_expect(number >= 1 && number <= OPS_VALUES, "%s: $%ld", ops_commands[i].name, number);
                cr_expect(ne(int, ops_commands[i].takes &OPS_BIT(number - 1), 0),
                          "%s uses $%ld, but does not take it", ops_commands[i].name, number);
            }
        }
    }
}
