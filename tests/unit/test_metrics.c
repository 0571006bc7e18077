#include "metrics/metrics.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/leaks.h"
#include "support/says.h"

TestSuite(metrics, .fini = no_leaks);

static char *exposed(const struct metrics *metrics)
{
    struct buffer buffer;
    buffer_init(&buffer, 1000000);
    metrics_expose(metrics, &buffer);
    cr_assert(not(buffer.overflow));
    return buffer.bytes ? buffer.bytes : strdup("");
}

static void expect_exposed(struct metrics *metrics, const char *wanted)
{
    char *text = exposed(metrics);
    cr_expect(eq(str, text, wanted));
    free(text);
    metrics_free(metrics);
}

Test(metrics, nothing_recorded_is_nothing_shown)
{
    expect_exposed(metrics_new(), "");
    metrics_free(NULL);
}

Test(metrics, counter)
{
    struct metrics *metrics = metrics_new();
    metric_add(metrics, METRIC_QUEUED, LABELS("email"), 1);
    metric_add(metrics, METRIC_QUEUED, LABELS("email"), 2);
    metric_add(metrics, METRIC_QUEUED, LABELS("sms"), 0);
    expect_exposed(metrics, "# HELP outbound_message_queued_total Messages accepted and durable.\n"
                            "# TYPE outbound_message_queued_total counter\n"
                            "outbound_message_queued_total{channel=\"email\"} 3\n"
                            "outbound_message_queued_total{channel=\"sms\"} 0\n");
}

/* The same words are the same series, wherever they lie in memory. */
Test(metrics, series_are_told_apart_by_their_labels)
{
    static char other[] = "email";
    struct metrics *metrics = metrics_new();
    metric_add(metrics, METRIC_SEND_FAILURE, LABELS("email", "TIMEOUT"), 1);
    metric_add(metrics, METRIC_SEND_FAILURE, LABELS(other, "TIMEOUT"), 1);
    metric_add(metrics, METRIC_SEND_FAILURE, LABELS("email", "EXPIRED"), 5);
    metric_add(metrics, METRIC_SEND_FAILURE, LABELS("email"), 7);
    char *text = exposed(metrics);
    EXPECT_SAYS(text, "{channel=\"email\",error_code=\"TIMEOUT\"} 2\n");
    EXPECT_SAYS(text, "{channel=\"email\",error_code=\"EXPIRED\"} 5\n");
    EXPECT_SAYS(text, "{channel=\"email\"} 7\n");
    free(text);
    metrics_free(metrics);
}

Test(metrics, gauge_without_labels)
{
    struct metrics *metrics = metrics_new();
    metric_set(metrics, METRIC_DB_CONNECTIONS, NO_LABELS, 3);
    metric_set(metrics, METRIC_DB_CONNECTIONS, NO_LABELS, 2);
    expect_exposed(metrics, "# HELP db_connection_pool_size Connections to PostgreSQL that are up.\n"
                            "# TYPE db_connection_pool_size gauge\n"
                            "db_connection_pool_size 2\n");
}

Test(metrics, large_counters_are_exact)
{
    struct metrics *metrics = metrics_new();
    metric_add(metrics, METRIC_OUTBOX_TAKEN, NO_LABELS, 123456789012345.0);
    char *text = exposed(metrics);
    EXPECT_SAYS(text, "outbound_outbox_taken_total 123456789012345\n");
    free(text);
    metrics_free(metrics);
}

/* The value of the line that begins with `start`, which must be there once. */
static double value_of(const char *text, const char *start)
{
    const char *line = NULL;
    int times = 0;
    for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        if (strncmp(at, start, strlen(start)) == 0) {
            line = at;
            times++;
        }
    }
    cr_assert(eq(int, times, 1), "%s is there %d times", start, times);
    return strtod(line + strlen(start), NULL);
}

Test(metrics, histogram)
{
    static const double values[] = {0, 0.001, 0.0011, 0.5, 0.5, 1, 2.4, 3599, 3600, 3601, 1e9};
    static const struct {
        const char *le;
        double count; /* of the values up to and including it */
    } buckets[] = {
        {"0.001", 2}, {"0.005", 3},  {"0.25", 3},   {"0.5", 5},   {"1.0", 6},
        {"2.5", 7},   {"1000.0", 7}, {"3600.0", 9}, {"+Inf", 11},
    };
    struct metrics *metrics = metrics_new();
    double sum = 0;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        metric_observe(metrics, METRIC_DELIVERY_LATENCY, LABELS("email"), values[i]);
        metric_observe(metrics, METRIC_DELIVERY_LATENCY, LABELS("sms"), 1);
        sum += values[i];
    }
    char *text = exposed(metrics);
    EXPECT_SAYS(text, "# TYPE outbound_message_delivery_latency_seconds histogram\n");
    for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++) {
        char start[200];
        (void)snprintf(start, sizeof start,
                       "outbound_message_delivery_latency_seconds_bucket{channel=\"email\",le=\"%s\"} ",
                       buckets[i].le);
        cr_expect(eq(dbl, value_of(text, start), buckets[i].count), "le %s", buckets[i].le);
    }
    cr_expect(
        eq(dbl, value_of(text, "outbound_message_delivery_latency_seconds_count{channel=\"email\"} "), 11));
    cr_expect(lt(
        dbl, fabs(value_of(text, "outbound_message_delivery_latency_seconds_sum{channel=\"email\"} ") - sum),
        1));
    cr_expect(
        eq(dbl, value_of(text, "outbound_message_delivery_latency_seconds_count{channel=\"sms\"} "), 11));
    free(text);
    metrics_free(metrics);
}

/* As Prometheus reads them: growing bounds, counts that never fall, the last one +Inf and equal to the count.
 */
Test(metrics, buckets_are_cumulative)
{
    struct metrics *metrics = metrics_new();
    for (int i = 0; i < 5000; i++) {
        metric_observe(metrics, METRIC_INGEST_BATCH, NO_LABELS, i);
    }
    char *text = exposed(metrics);
    double last_bound = -1;
    double last_count = 0;
    int buckets = 0;
    static const char start[] = "outbound_ingest_batch_messages_bucket{le=\"";
    for (const char *at = text; (at = strstr(at, start)); at++) {
        const double bound = strtod(at + strlen(start), NULL);
        const double count = strtod(strstr(at, "} ") + 2, NULL);
        cr_expect(gt(dbl, bound, last_bound));
        cr_expect(ge(dbl, count, last_count));
        if (isinf(bound)) {
            cr_expect(eq(dbl, count, 5000));
        } else {
            cr_expect(eq(dbl, count, (double)(int)bound + 1), "le %g", bound);
        }
        last_bound = bound;
        last_count = count;
        buckets++;
    }
    cr_expect(gt(int, buckets, 10));
    cr_expect(isinf(last_bound) != 0);
    cr_expect(eq(dbl, value_of(text, "outbound_ingest_batch_messages_count "), 5000));
    cr_expect(eq(dbl, value_of(text, "outbound_ingest_batch_messages_sum "), 12497500));
    free(text);
    metrics_free(metrics);
}

Test(metrics, label_values_are_escaped)
{
    struct metrics *metrics = metrics_new();
    metric_add(metrics, METRIC_HTTP_REQUESTS, LABELS("a\"b", "c\\d", "ü/{id}"), 1);
    char *text = exposed(metrics);
    EXPECT_SAYS(text, "{method=\"a\\\"b\",endpoint=\"c\\\\d\",status=\"ü/{id}\"} 1\n");
    free(text);
    metrics_free(metrics);
}

/* A metric's series go away, those of the others stay and are found. */
Test(metrics, cleared)
{
    struct metrics *metrics = metrics_new();
    static const char *const orgs[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        metric_set(metrics, METRIC_QUOTA_USED, LABELS(orgs[i]), 1);
        metric_set(metrics, METRIC_QUOTA_LIMIT, LABELS(orgs[i]), 5);
    }
    metric_clear(metrics, METRIC_QUOTA_USED);
    metric_set(metrics, METRIC_QUOTA_USED, LABELS(orgs[1]), 2);
    metric_set(metrics, METRIC_QUOTA_LIMIT, LABELS(orgs[1]), 6);
    char *text = exposed(metrics);
    EXPECT_SAYS(text, "quota_used{org_id=\"b\"} 2\n");
    cr_expect(strstr(text, "quota_used{org_id=\"a\"}") == NULL);
    EXPECT_SAYS(text, "quota_limit{org_id=\"a\"} 5\n");
    EXPECT_SAYS(text, "quota_limit{org_id=\"b\"} 6\n");
    free(text);
    metrics_free(metrics);
}

/* An organisation's name is kept as long as its series: what malloc holds does not grow with those that were.
 */
Test(metrics, values_that_come_and_go)
{
    struct metrics *metrics = metrics_new();
    size_t held = 0;
    for (int i = 0; i < 2000; i++) {
        char org[64];
        (void)snprintf(org, sizeof org, "an organisation with quite a long name: %08d", i);
        metric_clear(metrics, METRIC_QUOTA_USED);
        const char *kept = metric_intern(metrics, METRIC_QUOTA_USED, org);
        cr_assert(metric_intern(metrics, METRIC_QUOTA_USED, org) == kept);
        metric_set(metrics, METRIC_QUOTA_USED, LABELS(kept), i);
        held = i == 1000 ? mallinfo2().uordblks : held;
    }
#ifndef __SANITIZE_ADDRESS__ /* its malloc tells nothing; it finds what is used after it was freed */
    cr_expect(lt(sz, mallinfo2().uordblks, held + 10000));
#endif
    char *text = exposed(metrics);
    EXPECT_SAYS(text, "quota_used{org_id=\"an organisation with quite a long name: 00001999\"} 1999\n");
    free(text);
    metrics_free(metrics);
}

/* More series than there were places at first; texts that were interned are the same series, wherever they
 * came from. */
Test(metrics, many_series)
{
    struct metrics *metrics = metrics_new();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1000; i++) {
            char topic[32];
            (void)snprintf(topic, sizeof topic, "topic-%d", i);
            metric_add(metrics, METRIC_KAFKA_SENT, LABELS(metrics_intern(metrics, topic)), i);
        }
    }
    char *text = exposed(metrics);
    for (int i = 0; i < 1000; i++) {
        char line[100];
        (void)snprintf(line, sizeof line, "{messaging_destination_name=\"topic-%d\"} %d\n", i, 2 * i);
        EXPECT_SAYS(text, line);
    }
    free(text);
    metrics_free(metrics);
}

/* Every name is used, told once, and of a form that Prometheus takes. */
Test(metrics, every_row_is_exposed_and_documented)
{
    static const struct {
        const char *name;
        const char *help;
        enum { COUNTER, GAUGE, HISTOGRAM, UNTYPED } type;
    } rows[] = {
#define METRIC(id, type, name, unit, first, second, third, role, help) {name, help, type},
#include "metrics/metrics.def"
#undef METRIC
    };
    struct metrics *metrics = metrics_new();
    for (int i = 0; i < METRIC_COUNT; i++) {
        if (rows[i].type == HISTOGRAM) {
            metric_observe(metrics, (enum metric)i, LABELS("a", "b", "c"), 1);
        } else {
            metric_add(metrics, (enum metric)i, LABELS("a", "b", "c"), 1);
        }
    }
    char *text = exposed(metrics);
    char *page = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&page, &size);
    metrics_print_markdown(out);
    (void)fclose(out);
    for (int i = 0; i < METRIC_COUNT; i++) {
        static const char *const types[] = {"counter", "gauge", "histogram", "untyped"};
        char line[200];
        (void)snprintf(line, sizeof line, "# TYPE %s %s\n", rows[i].name, types[rows[i].type]);
        EXPECT_SAYS(text, line);
        EXPECT_SAYS(page, rows[i].name);
        EXPECT_SAYS(page, rows[i].help);
        cr_expect(eq(sz, strspn(rows[i].name, "abcdefghijklmnopqrstuvwxyz_"), strlen(rows[i].name)), "%s",
                  rows[i].name);
        const size_t length = strlen(rows[i].name);
        const bool total = length > 6 && strcmp(rows[i].name + length - 6, "_total") == 0;
        cr_expect(eq(int, total, rows[i].type == COUNTER), "%s", rows[i].name);
        cr_expect(strpbrk(rows[i].help, "\\\n") == NULL, "%s: its help text would need escapes",
                  rows[i].name);
        for (int j = 0; j < i; j++) {
            cr_expect(ne(str, rows[i].name, rows[j].name));
        }
    }
    free(page);
    free(text);
    metrics_free(metrics);
}

/* Recording into many series stays right (and is quick enough not to be noticed here). */
Test(metrics, many_recordings)
{
    struct metrics *metrics = metrics_new();
    static const char *const codes[] = {"A", "B", "C", "D", "E", "F", "G", "H", "I", "J"};
    for (int i = 0; i < 500000; i++) {
        metric_add(metrics, METRIC_SEND_FAILURE, LABELS("email", codes[i % 10]), 1);
        metric_observe(metrics, METRIC_PROVIDER_DURATION, LABELS("sendgrid"), 0.02);
    }
    char *text = exposed(metrics);
    for (int i = 0; i < 10; i++) {
        char line[100];
        (void)snprintf(line, sizeof line, "{channel=\"email\",error_code=\"%s\"} 50000\n", codes[i]);
        EXPECT_SAYS(text, line);
    }
    cr_expect(eq(dbl,
                 value_of(text, "outbound_provider_request_duration_seconds_count{provider=\"sendgrid\"} "),
                 500000));
    free(text);
    metrics_free(metrics);
}
