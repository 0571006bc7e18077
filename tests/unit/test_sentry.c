#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/sentry_dsn.h"
#include "metrics/sentry_event.h"
#include "metrics/sentry_limits.h"
#include "support/says.h"

Test(sentry, a_dsn_says_where_envelopes_go)
{
    static const struct {
        char *dsn, *url, *key;
    } rows[] = {
        {"https://abc123@o1.ingest.sentry.io/42", "https://o1.ingest.sentry.io/api/42/envelope/", "abc123"},
        {"http://k@127.0.0.1:9000/1", "http://127.0.0.1:9000/api/1/envelope/", "k"},
        {"https://k:old-secret@sentry.example/1", "https://sentry.example/api/1/envelope/", "k"},
        {"https://k@example.com/tools/sentry/7", "https://example.com/tools/sentry/api/7/envelope/", "k"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sentry_target target;
        struct error error;
        cr_assert(sentry_dsn_parse(rows[i].dsn, &target, &error), "%s", rows[i].dsn);
        cr_expect(eq(str, target.url, rows[i].url));
        cr_expect(eq(str, target.key, rows[i].key));
    }
}

Test(sentry, what_is_no_dsn_is_named_and_not_shown)
{
    static const char *const rows[] = {"",
                                       "secret",
                                       "https://sentry.io/42",
                                       "https://secret@sentry.io",
                                       "https://secret@sentry.io/",
                                       "https://secret@/42",
                                       "ftp://secret@sentry.io/42",
                                       "secret@sentry.io/42",
                                       "https://secret@sentry.io/42?x=1",
                                       "https://secret@sentry.io/42#x",
                                       "https://secret@sentry.io/4 2",
                                       "https://sec%0dret@sentry.io/42"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sentry_target target;
        struct error error;
        cr_assert(not(sentry_dsn_parse(rows[i], &target, &error)), "%s", rows[i]);
        EXPECT_SAYS(error.text, "SENTRY_DSN: ");
        cr_expect(strstr(error.text, "secret") == NULL, "%s", error.text);
    }
}

Test(sentry, limits_of_errors_are_read)
{
    static const struct {
        const char *header;
        int64_t pause_s;
    } rows[] = {
        {NULL, 0},
        {"", 0},
        {"60:error:organization", 60},
        {"60:transaction:key", 0},
        {"60:transaction;error:key, 120:default:key", 60},
        {"5::organization, 30:error:project:quota", 30},
        {"10:errors:key", 0},
        {"nonsense", 0},
        {"-5::key", 0},
        {"999999999999999999999::key", (int64_t)24 * 3600},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect(sentry_limits_pause_s(rows[i].header) == rows[i].pause_s, "%s", rows[i].header);
    }
}

Test(sentry, the_same_error_is_told_ten_times_a_minute)
{
    struct error_kinds kinds = {0};
    unsigned untold = 99;
    for (int i = 0; i < SAME_ERRORS_MAX; i++) {
        cr_expect(error_kinds_take(&kinds, "%s failed", "TIMEOUT", 1000 + i, &untold));
        cr_expect(untold == 0);
    }
    for (int i = 0; i < 7; i++) {
        cr_expect(not(error_kinds_take(&kinds, "%s failed", "TIMEOUT", 60000, &untold)));
    }
    cr_expect(error_kinds_take(&kinds, "%s failed", "TLS_FAILED", 60000, &untold), "another code");
    cr_expect(error_kinds_take(&kinds, "other", "TIMEOUT", 60000, &untold), "another line");
    cr_expect(error_kinds_take(&kinds, "%s failed", "TIMEOUT", 61000, &untold), "the minute is over");
    cr_expect(untold == 7);
}

Test(sentry, more_kinds_than_there_is_room_for_forget_the_oldest)
{
    struct error_kinds kinds = {0};
    unsigned untold;
    char format[16];
    for (int i = 0; i < 3 * ERROR_KINDS_MAX; i++) {
        (void)snprintf(format, sizeof format, "kind %d", i);
        cr_expect(error_kinds_take(&kinds, format, "", 1000 + i, &untold));
    }
}

static const struct event_source source = {"production", "outbound@1.2.3", "sender", "host-1"};

/* The event of an envelope, whose frame is checked here. */
static json_t *event_of(const struct buffer *envelope)
{
    const char *item = strchr(envelope->bytes, '\n') + 1;
    const char *payload = strchr(item, '\n') + 1;
    json_t *item_head = json_loadb(item, (size_t)(payload - item), 0, NULL);
    const size_t length = (size_t)json_integer_value(json_object_get(item_head, "length"));
    cr_assert(eq(str, (char *)json_string_value(json_object_get(item_head, "type")), "event"));
    cr_assert(payload + length + 1 == envelope->bytes + envelope->length && payload[length] == '\n');
    json_t *head = json_loadb(envelope->bytes, (size_t)(item - envelope->bytes), 0, NULL);
    json_t *event = json_loadb(payload, length, 0, NULL);
    cr_assert(event != NULL, "%s", payload);
    cr_assert(json_equal(json_object_get(head, "event_id"), json_object_get(event, "event_id")));
    cr_assert(json_string_length(json_object_get(event, "event_id")) == 32);
    json_decref(item_head);
    json_decref(head);
    return event;
}

static void expect_json(const json_t *event, const char *name, const char *wanted)
{
    char *text = json_dumps(json_object_get(event, name), JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    cr_expect(eq(str, text, (char *)wanted), "%s", name);
    free(text);
}

Test(sentry, an_event_carries_the_ids_as_tags_and_the_lines_before_it)
{
    const struct log_field before_fields[] = {{"messageId", "7"}, {"errorCode", "TIMEOUT"}, {0}};
    const struct log_line before = {LOG_INFO, 1700000000000, before_fields, "queued", "queued"};
    const struct log_field fields[] = {{"correlationId", "c-1"},
                                       {"orgId", "acme"},
                                       {"messageId", "7"},
                                       {"channel", "SMS"},
                                       {"workerType", "outbound-sender"},
                                       {"errorCode", "QUOTA_EXCEEDED"},
                                       {0}};
    const struct log_line line = {LOG_ERROR, 1700000001234, fields, "attempt %d: %s",
                                  "attempt 1: \"FAILED\""};
    static struct breadcrumbs breadcrumbs;
    breadcrumbs_add(&breadcrumbs, &before);
    struct buffer envelope;
    buffer_init(&envelope, 100000);
    sentry_event_write(&source, &line, &breadcrumbs, 3, &envelope);
    json_t *event = event_of(&envelope);
    expect_json(event, "level", "\"error\"");
    expect_json(event, "timestamp", "\"2023-11-14T22:13:21.234Z\"");
    expect_json(event, "logger", "\"sender\"");
    expect_json(event, "release", "\"outbound@1.2.3\"");
    expect_json(event, "environment", "\"production\"");
    expect_json(event, "server_name", "\"host-1\"");
    expect_json(event, "logentry",
                "{\"formatted\":\"attempt 1: \\\"FAILED\\\"\",\"message\":\"attempt %d: %s\"}");
    expect_json(event, "fingerprint", "[\"attempt %d: %s\",\"QUOTA_EXCEEDED\"]");
    expect_json(event, "user", "{\"id\":\"acme\"}");
    expect_json(event, "extra", "{\"unreported before\":3}");
    expect_json(
        event, "tags",
        "{\"channel\":\"SMS\",\"correlation_id\":\"c-1\",\"error_code\":\"QUOTA_EXCEEDED\",\"message_id\":"
        "\"7\",\"org_id\":\"acme\",\"worker_type\":\"outbound-sender\"}");
    expect_json(
        event, "breadcrumbs",
        "{\"values\":[{\"category\":\"sender\",\"data\":{\"error_code\":\"TIMEOUT\",\"message_id\":\"7\"},"
        "\"level\":\"info\",\"message\":\"queued\",\"timestamp\":\"2023-11-14T22:13:20.000Z\"}]}");
    json_decref(event);
    buffer_release(&envelope);
}

Test(sentry, breadcrumbs_are_the_last_hundred_lines)
{
    static struct breadcrumbs breadcrumbs;
    const struct log_field none[] = {{0}};
    for (int i = 0; i < 250; i++) {
        char message[1000];
        (void)snprintf(message, sizeof message, "%d%*s\xc3\xa9", i, BREADCRUMB_TEXT_MAX - 5, "");
        breadcrumbs_add(&breadcrumbs, &(struct log_line){LOG_WARN, i, none, "%d", message});
    }
    struct buffer envelope;
    buffer_init(&envelope, 200000);
    sentry_event_write(&source, &(struct log_line){LOG_ERROR, 0, none, "%d", "x"}, &breadcrumbs, 0,
                       &envelope);
    json_t *event = event_of(&envelope);
    const json_t *values = json_object_get(json_object_get(event, "breadcrumbs"), "values");
    cr_assert(eq(int, (int)json_array_size(values), BREADCRUMBS_MAX));
    for (int i = 0; i < BREADCRUMBS_MAX; i++) {
        const char *said = json_string_value(json_object_get(json_array_get(values, (size_t)i), "message"));
        cr_expect(eq(int, (int)strtol(said, NULL, 10), 150 + i));
    }
    json_decref(event);
    buffer_release(&envelope);
}
