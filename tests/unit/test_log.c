#include "base/log.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/says.h"
#include "support/time_limit.h"

/* Standard error is a pipe; what was written is read once. */
static int reading;

static void catch_lines(void)
{
    int ends[2];
    time_limit();
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
    const struct log_options options = {
        level, json, "outbound", "production", "sender", "outbound-sender", "outbound-sender-email"};
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
    const struct log_field fields[] = {{"messageId", "7\"\\"}, {"absent", NULL},           {"empty", ""},
                                       {"orgId", "ü"},         {"correlationId", "abc-1"}, {0}};
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
    expect_member(line, "correlationId", "abc-1");
    expect_member(line, "workerType", "outbound-sender");
    char thread[64];
    (void)snprintf(thread, sizeof thread, "outbound-sender-email-%d", (int)getpid());
    expect_member(line, "thread", thread);
    cr_expect(json_object_get(line, "absent") == NULL);
    cr_expect(json_object_get(line, "empty") == NULL);
    const char *time = json_string_value(json_object_get(line, "@timestamp"));
    cr_expect(time && strlen(time) == 24 && time[23] == 'Z', "%s", time);

    json_t *second = json_loads(end + 1, 0, NULL);
    cr_assert(second != NULL, "%s", end + 1);
    expect_member(second, "message", "second");
    cr_expect(strchr(end + 1, '\n')[1] == '\0');
}

/* 2024-01-15 14:32:15.123 INFO  [thread] logger › [corr=…] [org=…] message */
Test(log, text_has_time_level_thread_logger_and_ids)
{
    configure(LOG_INFO, false);
    const struct log_field fields[] = {{"orgId", "acme"},  {"userId", "u1"},         {"messageId", "7"},
                                       {"channel", "SMS"}, {"correlationId", "c-1"}, {0}};
    log_write(LOG_INFO, fields, "it is %s\r\n\x1b\x7for not", "done");
    char *text = lines();
    for (char *at = text; at < text + 23; at++) {
        if (*at >= '0' && *at <= '9') {
            *at = '9';
        }
    }
    char wanted[300];
    (void)snprintf(wanted, sizeof wanted,
                   "9999-99-99 99:99:99.999 INFO  [outbound-sender-email-%d] sender › [corr=c-1] [org=acme] "
                   "[user=u1] [messageId=7] [channel=SMS] it is done or not\n",
                   (int)getpid());
    cr_expect(eq(str, text, wanted));
}

/* The value of the nth [corr=…]. */
static const char *correlation_id(const char *text, int nth)
{
    static char id[200];
    const char *at = text;
    for (int i = 0; i < nth; i++) {
        at = strstr(at, "[corr=");
        cr_assert(at != NULL, "%s", text);
        at += strlen("[corr=");
    }
    (void)snprintf(id, sizeof id, "%.*s", (int)strcspn(at, "]"), at);
    return id;
}

Test(log, a_line_without_a_correlation_id_gets_one)
{
    configure(LOG_INFO, false);
    log_info("first");
    log_info("second");
    log_write(LOG_INFO, (const struct log_field[]){{"correlationId", ""}, {"messageId", "7"}, {0}}, "third");
    const char *text = lines();
    char worker[200];
    (void)snprintf(worker, sizeof worker, "%s", correlation_id(text, 1));
    cr_expect(strncmp(worker, "worker-", 7) == 0 && strlen(worker) == 7 + 36, "%s", worker);
    cr_expect(eq(str, worker, (char *)correlation_id(text, 2)));
    char wanted[200];
    (void)snprintf(wanted, sizeof wanted, "msg-7-%s", worker + 7);
    cr_expect(eq(str, (char *)correlation_id(text, 3), wanted));
}

Test(log, an_address_in_others_words_is_masked)
{
    configure(LOG_INFO, false);
    log_error("refused: %s", "anna@example.com, +4915112345678");
    EXPECT_SAYS(lines(), "refused: a***@e***.com, +49*********78\n");
}

Test(log, what_is_no_utf_8_becomes_a_question_mark)
{
    configure(LOG_INFO, true);
    log_info("caf\xe9");
    json_t *line = json_loads(lines(), 0, NULL);
    cr_assert(line != NULL);
    expect_member(line, "message", "caf?");
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

static pthread_t writer;
static atomic_bool interrupted;

static void on_signal(int signal_number)
{
    (void)signal_number;
    interrupted = true;
}

/* Reads a line from the pipe, but not before it is full and the one who writes to it was interrupted. */
static void *interrupt(void *arg)
{
    static char text[10000];
    for (int waiting = 0; waiting < *(int *)arg;) {
        cr_assert(ioctl(reading, FIONREAD, &waiting) == 0);
    }
    while (!interrupted) {
        (void)pthread_kill(writer, SIGUSR1);
    }
    for (size_t length = 0; !strchr(text, '\n');) {
        const ssize_t got = read(reading, text + length, sizeof text - 1 - length);
        cr_assert(got > 0, "the line has no end: %s", text);
        length += (size_t)got;
    }
    return text;
}

Test(log, a_signal_does_not_tear_a_line)
{
    const struct sigaction action = {.sa_handler = on_signal}; /* write(2) is not begun again by itself */
    char quotes[3000];
    void *text;
    pthread_t reader;
    memset(quotes, '"', sizeof quotes - 1);
    quotes[sizeof quotes - 1] = '\0';
    configure(LOG_INFO, true);
    int room = fcntl(reading, F_SETPIPE_SZ, 4096);
    cr_assert(room == 4096 && sigaction(SIGUSR1, &action, NULL) == 0);
    writer = pthread_self();
    cr_assert(pthread_create(&reader, NULL, interrupt, &room) == 0);
    log_info("%s", quotes);
    (void)close(STDERR_FILENO);
    cr_assert(pthread_join(reader, &text) == 0);
    json_t *line = json_loads(text, 0, NULL);
    cr_expect(line != NULL, "%s", (char *)text);
    json_decref(line);
}

static size_t bytes_written(void)
{
    int waiting;
    cr_assert(ioctl(reading, FIONREAD, &waiting) == 0);
    return (size_t)waiting;
}

Test(log, lines_wait_until_they_are_flushed)
{
    configure(LOG_INFO, false);
    log_keep(true);
    log_info("one");
    log_info("two");
    cr_expect(bytes_written() == 0);
    log_flush();
    const size_t flushed = bytes_written();
    cr_expect(flushed > 0);
    log_info("three");
    cr_expect(bytes_written() == flushed);
    log_keep(false);
    cr_expect(bytes_written() > flushed);
    log_info("four");
    const char *text = lines();
    EXPECT_SAYS(text, "four\n");
    cr_expect(strstr(text, "one\n") < strstr(text, "two\n") &&
              strstr(text, "two\n") < strstr(text, "three\n"));
}

static void *inform(void *arg)
{
    log_info("%s", (const char *)arg);
    return NULL;
}

Test(log, neither_a_warning_nor_another_thread_waits)
{
    pthread_t thread;
    configure(LOG_INFO, false);
    log_keep(true);
    log_info("one");
    cr_assert(pthread_create(&thread, NULL, inform, "two") == 0 && pthread_join(thread, NULL) == 0);
    const size_t written = bytes_written();
    cr_expect(written > 0);
    log_info("three");
    log_warn("four");
    cr_expect(bytes_written() > written);
    const char *text = lines();
    cr_assert(strstr(text, "four\n") != NULL, "%s", text);
    cr_expect(strstr(text, "one\n") < strstr(text, "two\n") &&
              strstr(text, "two\n") < strstr(text, "three\n") &&
              strstr(text, "three\n") < strstr(text, "four\n"));
}

/* Of a pipe with O_DIRECT a read takes what one write left. */
Test(log, lines_that_wait_are_not_divided)
{
    char piece[2 * PIPE_BUF];
    char word[701];
    size_t ends = 0;
    int pieces = 0;
    configure(LOG_INFO, false);
    cr_assert(fcntl(STDERR_FILENO, F_SETFL, O_DIRECT) == 0);
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    log_keep(true);
    for (int i = 0; i < 12; i++) {
        log_info("%s", word);
    }
    log_keep(false);
    (void)close(STDERR_FILENO);
    for (ssize_t got; (got = read(reading, piece, sizeof piece)) > 0; pieces++) {
        cr_expect(got <= PIPE_BUF && piece[got - 1] == '\n');
        for (const char *at = piece; (at = memchr(at, '\n', (size_t)(piece + got - at))); at++) {
            ends++;
        }
    }
    cr_expect(ends == 12 && pieces > 1 && pieces < 12, "%zu lines in %d pieces", ends, pieces);
}

Test(log, the_level_changes_at_run_time_within_its_bounds)
{
    configure(LOG_ERROR, false);
    log_change_level(1);
    log_change_level(-1);
    log_warn("one");
    for (int i = 0; i < 4; i++) {
        log_change_level(-1);
    }
    log_trace("two");
    const char *text = lines();
    EXPECT_SAYS(text, "the log level is still ERROR\n");
    EXPECT_SAYS(text, "the log level is now WARN\n");
    EXPECT_SAYS(text, "one\n");
    EXPECT_SAYS(text, "the log level is now TRACE\n");
    EXPECT_SAYS(text, "the log level is still TRACE\n");
    EXPECT_SAYS(text, "two\n");
}

struct heard {
    int count;
    char format[64], message[64], channel[16];
};

static void listener(void *arg, const struct log_line *line)
{
    struct heard *heard = arg;
    heard->count++;
    (void)snprintf(heard->format, sizeof heard->format, "%s", line->format);
    (void)snprintf(heard->message, sizeof heard->message, "%s", line->message);
    for (const struct log_field *field = line->fields; field->key; field++) {
        if (strcmp(field->key, "channel") == 0) {
            (void)snprintf(heard->channel, sizeof heard->channel, "%s", field->value);
        }
    }
}

Test(log, a_listener_gets_lines_that_are_not_written_too)
{
    configure(LOG_ERROR, false);
    struct heard heard = {0};
    log_listen(LOG_INFO, listener, &heard);
    log_debug("too little");
    cr_expect(log_wants(LOG_INFO));
    log_write(LOG_INFO, (const struct log_field[]){{"channel", "EMAIL"}, {0}}, "number %d", 7);
    cr_expect(eq(int, heard.count, 1));
    cr_expect(eq(str, heard.format, "number %d"));
    cr_expect(eq(str, heard.message, "number 7"));
    cr_expect(eq(str, heard.channel, "EMAIL"));
    log_error("%s", "written");
    cr_expect(eq(int, heard.count, 2));
    cr_expect(eq(str, heard.format, "written"), "what is nothing but a text is a kind of its own");
    log_listen(LOG_INFO, NULL, NULL);
    log_info("nobody hears it");
    cr_expect(eq(int, heard.count, 2));
    cr_expect(not(log_wants(LOG_INFO)));
    cr_expect(log_lines(LOG_ERROR) == 1 && log_lines(LOG_INFO) == 0);
    const char *text = lines();
    cr_expect(strstr(text, "number") == NULL && strstr(text, "written") != NULL, "%s", text);
}
