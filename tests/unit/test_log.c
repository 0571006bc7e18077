#include "base/log.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "support/says.h"

/* Standard error is a pipe; what was written is read once. */
static int reading;

static void catch_lines(void)
{
    int ends[2];
    cr_assert(pipe(ends) == 0);
    cr_assert(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    reading = ends[0];
}

static char *lines(void)
{
    static char text[100000];
    (void)close(STDERR_FILENO);
    size_t length = 0;
    for (ssize_t got; (got = read(reading, text + length, sizeof text - 1 - length)) > 0;) {
        length += (size_t)got;
    }
    text[length] = '\0';
    return text;
}

TestSuite(log, .init = catch_lines);

static void configure(enum log_level level, bool json)
{
    const struct log_options options = {level, json, "outbound", "production", "sender"};
    log_configure(&options);
}

static void expect_member(const json_t *line, const char *name, const char *wanted)
{
    const char *value = json_string_value(json_object_get(line, name));
    cr_assert(value != NULL, "%s", name);
    cr_expect(eq(str, value, wanted), "%s", name);
}

Test(log, json_is_one_object_a_line)
{
    configure(LOG_INFO, true);
    const struct log_field fields[] = {{"messageId", "7\"\\"}, {"absent", NULL}, {"orgId", "ü"}, {0}};
    log_write(LOG_WARN, fields, "a \"%s\"\nand %d more", "word", 2);
    log_error("second");
    char *text = lines();
    char *end = strchr(text, '\n');
    cr_assert(end != NULL);
    *end = '\0';
    json_t *line = json_loads(text, 0, NULL);
    cr_assert(line != NULL, "%s", text);
    expect_member(line, "level", "WARN");
    expect_member(line, "logger", "sender");
    expect_member(line, "message", "a \"word\"\nand 2 more");
    expect_member(line, "service", "outbound");
    expect_member(line, "env", "production");
    expect_member(line, "messageId", "7\"\\");
    expect_member(line, "orgId", "ü");
    cr_expect(json_object_get(line, "absent") == NULL);
    const char *time = json_string_value(json_object_get(line, "@timestamp"));
    cr_expect(time && strlen(time) == 24 && time[23] == 'Z', "%s", time);

    json_t *second = json_loads(end + 1, 0, NULL);
    cr_assert(second != NULL, "%s", end + 1);
    expect_member(second, "message", "second");
    cr_expect(strchr(end + 1, '\n')[1] == '\0');
}

Test(log, text_has_level_role_and_ids)
{
    configure(LOG_INFO, false);
    const struct log_field fields[] = {{"messageId", "7"}, {0}};
    log_write(LOG_INFO, fields, "it is %s", "done");
    const char *text = lines();
    EXPECT_SAYS(text, " INFO  [");
    EXPECT_SAYS(text, " sender › [messageId=7] it is done\n");
}

Test(log, what_is_less_important_is_left_out)
{
    configure(LOG_WARN, false);
    cr_expect(not(log_wants(LOG_INFO)));
    cr_expect(log_wants(LOG_WARN));
    cr_expect(log_wants(LOG_ERROR));
    log_debug("one");
    log_info("two");
    log_warn("three");
    log_error("four");
    const char *text = lines();
    cr_expect(strstr(text, "one") == NULL && strstr(text, "two") == NULL);
    EXPECT_SAYS(text, "three\n");
    EXPECT_SAYS(text, "four\n");
}

/* Ten thousand quotes double in JSON: the line is cut somewhere, but never torn. */
Test(log, a_long_line_is_still_a_line)
{
    char quotes[10000];
    memset(quotes, '"', sizeof quotes - 1);
    quotes[sizeof quotes - 1] = '\0';
    configure(LOG_INFO, true);
    log_info("%s", quotes);
    const char *text = lines();
    cr_expect(strlen(text) > 0 && text[strlen(text) - 1] == '\n');
    json_t *line = json_loads(text, 0, NULL);
    cr_expect(line != NULL, "%.200s", text);
}
