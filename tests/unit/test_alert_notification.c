#include "producer/alert_notification.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <string.h>

#include "support/leaks.h"

TestSuite(alert_notification, .fini = no_leaks);

#define STARTED_US (INT64_C(1769904000) * 1000000) /* 2026-02-01T00:00:00Z */
#define MINUTE_US (INT64_C(60) * 1000000)

static const struct config config = {.default_org_id = "default",
                                     .alert_recipient = "+4915112345678",
                                     .alert_template = "alert",
                                     .alert_repeat_ms = 3600000};

struct parsed {
    struct arena arena;
    struct violations violations;
    struct alert *alerts;
    size_t count;
};

static void parse(struct parsed *parsed, const char *body)
{
    *parsed = (struct parsed){0};
    parsed->violations.arena = &parsed->arena;
    alert_notification_parse(body, strlen(body), &parsed->alerts, &parsed->count, &parsed->violations);
}

#define ALERT(status, labels, annotations)                                                               \
    "{\"version\":\"4\",\"status\":\"firing\",\"alerts\":[{\"status\":\"" status "\",\"labels\":" labels \
    ",\"annotations\":" annotations ",\"startsAt\":\"2026-02-01T00:00:00.000Z\","                        \
    "\"endsAt\":\"0001-01-01T00:00:00Z\",\"generatorURL\":\"http://x\",\"fingerprint\":\"c0ffee\"}]}"
#define LABELS_OF "{\"alertname\":\"StuckMessages\",\"severity\":\"critical\"}"

/* The text of the message that one alert becomes; "" when it has none. */
static void expect_payload(const char *body, const char *severity, const char *name, const char *description,
                           const char *text)
{
    struct parsed parsed;
    parse(&parsed, body);
    cr_assert(eq(sz, parsed.violations.count, 0), "%s", parsed.violations.items[0].field);
    cr_assert(eq(sz, parsed.count, 1));
    struct new_message message = {.channel = CHANNEL_COUNT};
    alert_message(&parsed.alerts[0], &config, STARTED_US, &parsed.arena, &message);
    json_t *payload = json_loadb(message.payload.bytes, message.payload.length, 0, NULL);
    const json_t *body_component = json_array_get(json_object_get(payload, "components"), 0);
    const json_t *parameters = json_object_get(body_component, "parameters");
    const char *expected[] = {severity, name, description};
    cr_expect(eq(str, (char *)json_string_value(json_object_get(payload, "text")), (char *)text));
    cr_expect(eq(sz, json_array_size(parameters), 3));
    for (size_t i = 0; i < 3; i++) {
        const json_t *one = json_object_get(json_array_get(parameters, i), "text");
        cr_expect(eq(str, (char *)json_string_value(one), (char *)expected[i]));
    }
    json_decref(payload);
    arena_release(&parsed.arena);
}

Test(alert_notification, an_alert_becomes_the_guides_text)
{
    expect_payload(ALERT("firing", LABELS_OF, "{\"summary\":\"s\",\"description\":\"3 messages\"}"),
                   "CRITICAL", "StuckMessages", "3 messages",
                   "🔔 *CRITICAL ALERT*: StuckMessages\n\n3 messages");
}

Test(alert_notification, its_end_too)
{
    expect_payload(ALERT("resolved", LABELS_OF, "{\"description\":\"3 messages\"}"), "RESOLVED",
                   "StuckMessages", "3 messages", "✅ *RESOLVED*: StuckMessages\n\n3 messages");
}

Test(alert_notification, what_is_missing_loses_no_alert)
{
    expect_payload(ALERT("firing", "{}", "{\"summary\":\"all is late\"}"), "UNKNOWN",
                   "an alert without a name", "all is late",
                   "🔔 *UNKNOWN ALERT*: an alert without a name\n\nall is late");
    expect_payload(ALERT("firing", LABELS_OF, "null"), "CRITICAL", "StuckMessages", "It has no description.",
                   "🔔 *CRITICAL ALERT*: StuckMessages\n\nIt has no description.");
    expect_payload(ALERT("firing", "{\"alertname\":7,\"severity\":\" \\n\"}", "{\"description\":[]}"),
                   "UNKNOWN", "an alert without a name", "It has no description.",
                   "🔔 *UNKNOWN ALERT*: an alert without a name\n\nIt has no description.");
}

Test(alert_notification, parameters_have_one_line_and_no_long_gaps)
{
    expect_payload(
        ALERT("firing", LABELS_OF, "{\"description\":\"\\n a\\r\\n\\tb      c\\u0000\\u007fd \\n\"}"),
        "CRITICAL", "StuckMessages", "a b c d", "🔔 *CRITICAL ALERT*: StuckMessages\n\na b c d");
}

Test(alert_notification, what_is_too_long_is_cut_between_characters)
{
    struct buffer body;
    buffer_init(&body, 100000);
    buffer_text(&body, "{\"version\":\"4\",\"alerts\":[{\"status\":\"firing\",\"labels\":{},\"annotations\":{"
                       "\"description\":\"");
    for (int i = 0; i < 5000; i++) {
        buffer_text(&body, "ü");
    }
    buffer_text(&body, "\"},\"startsAt\":\"2026-02-01T00:00:00Z\",\"fingerprint\":\"1\"}]}");
    struct parsed parsed;
    parse(&parsed, body.bytes);
    cr_assert(eq(sz, parsed.violations.count, 0));
    const char *description = parsed.alerts[0].description;
    cr_expect(eq(sz, text_characters(text_of(description)), 701));
    cr_expect(eq(str, (char *)description + strlen(description) - strlen("üü…"), "üü…"));
    buffer_release(&body);
    arena_release(&parsed.arena);
}

static void expect_wrong(const char *body, const char *field)
{
    struct parsed parsed;
    parse(&parsed, body);
    cr_expect(eq(sz, parsed.violations.count, 1), "%s", body);
    if (parsed.violations.count > 0) {
        cr_expect(eq(str, (char *)parsed.violations.items[0].field, (char *)field), "%s", body);
    }
    arena_release(&parsed.arena);
}

#define WITH(members) "{\"version\":\"4\",\"alerts\":[{" members "}]}"
#define STATUS "\"status\":\"firing\""
#define LABELS_MEMBER ",\"labels\":{}"
#define STARTS ",\"startsAt\":\"2026-02-01T00:00:00Z\""
#define PRINT ",\"fingerprint\":\"1\""

Test(alert_notification, what_is_wrong_is_named)
{
    expect_wrong("", "body");
    expect_wrong("[", "body");
    expect_wrong("[]", "version");
    expect_wrong("{\"version\":\"3\",\"alerts\":[]}", "version");
    expect_wrong("{\"version\":4,\"alerts\":[]}", "version");
    expect_wrong("{\"version\":\"4\"}", "alerts");
    expect_wrong("{\"version\":\"4\",\"alerts\":{}}", "alerts");
    expect_wrong(WITH("\"status\":\"on\"" LABELS_MEMBER STARTS PRINT), "alerts[0].status");
    expect_wrong(WITH(STATUS STARTS PRINT), "alerts[0].labels");
    expect_wrong(WITH(STATUS LABELS_MEMBER PRINT), "alerts[0].startsAt");
    expect_wrong(WITH(STATUS LABELS_MEMBER ",\"startsAt\":\"today\"" PRINT), "alerts[0].startsAt");
    expect_wrong(WITH(STATUS LABELS_MEMBER STARTS), "alerts[0].fingerprint");
    expect_wrong(WITH(STATUS LABELS_MEMBER STARTS ",\"fingerprint\":\"\""), "alerts[0].fingerprint");
    expect_wrong(WITH(STATUS LABELS_MEMBER STARTS ",\"fingerprint\":\"a b\""), "alerts[0].fingerprint");
}

Test(alert_notification, more_than_a_hundred_are_refused)
{
    struct buffer body;
    buffer_init(&body, 100000);
    buffer_text(&body, "{\"version\":\"4\",\"alerts\":[{}");
    for (int i = 0; i < ALERTS_MAX; i++) {
        buffer_text(&body, ",{}");
    }
    buffer_text(&body, "]}");
    expect_wrong(body.bytes, "alerts");
    buffer_release(&body);
}

/* The key of the message that the alert becomes so long after it began. */
static void key_after(const char *status, int64_t minutes, char ret_key[IDEMPOTENCY_KEY_MAX + 1])
{
    struct arena arena = {0};
    const struct alert alert = {.firing = strcmp(status, "firing") == 0,
                                .fingerprint = "c0ffee",
                                .starts_at_us = STARTED_US,
                                .severity = "CRITICAL",
                                .name = "n",
                                .description = "d"};
    struct new_message message = {.channel = CHANNEL_COUNT};
    alert_message(&alert, &config, STARTED_US + minutes * MINUTE_US, &arena, &message);
    struct violations violations = {.arena = &arena};
    new_message_check(&message, MESSAGE_BY_HTTP, STARTED_US, &violations);
    cr_expect(eq(sz, violations.count, 0), "%s %s", violations.items[0].field, violations.items[0].detail);
    (void)snprintf(ret_key, IDEMPOTENCY_KEY_MAX + 1, "%s", message.idempotency_key.bytes);
    arena_release(&arena);
}

Test(alert_notification, a_repetition_has_the_same_key_and_a_reminder_another)
{
    char first[IDEMPOTENCY_KEY_MAX + 1];
    char other[IDEMPOTENCY_KEY_MAX + 1];
    key_after("firing", 0, first);
    key_after("firing", 59, other);
    cr_expect(eq(str, first, other));
    key_after("firing", -5, other); /* its clock is ahead of ours */
    cr_expect(eq(str, first, other));
    key_after("firing", 60, other);
    cr_expect(ne(str, first, other));
    key_after("resolved", 0, first);
    cr_expect(ne(str, first, other));
    key_after("resolved", 500, other);
    cr_expect(eq(str, first, other));
}

Test(alert_notification, it_is_urgent_and_of_no_use_after_four_hours)
{
    struct arena arena = {0};
    const struct alert alert = {
        .firing = true, .fingerprint = "1", .severity = "CRITICAL", .name = "n", .description = "d"};
    struct new_message message = {.channel = CHANNEL_COUNT};
    alert_message(&alert, &config, STARTED_US, &arena, &message);
    cr_expect(text_is(message.priority, PRIORITY_URGENT));
    cr_expect(text_is(message.to, "+4915112345678"));
    cr_expect(text_is(message.template_code, "alert"));
    cr_expect(eq(i64, message.expires_at_us, STARTED_US + 240 * MINUTE_US));
    arena_release(&arena);
}
