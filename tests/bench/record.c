/*
 * record - what it costs to record into a metric, with as many series as a sender has, beside adding to a
 * number.
 *
 *   record COUNT
 *
 * Prints one JSON object: nanoseconds of CPU for each recording.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/watch.h"
#include "metrics/metrics.h"
#include "metrics/watched.h"
#include "schemas/errors.h"
#include "tests/bench/clocks.h"

static double cpu_ns(void)
{
    return clock_s(CLOCK_PROCESS_CPUTIME_ID) * 1e9;
}

static void fill(struct metrics *metrics)
{
    static const char *const topics[] = {
        "outbound.accepted",  "outbound.send.email", "outbound.send.email.urgent", "outbound.retry.5s",
        "outbound.retry.30s", "outbound.dlq",        "outbound.send.sms",          "outbound.send.whatsapp"};
    for (int i = 1; i < ERROR_CODE_COUNT; i++) {
        metric_add(metrics, METRIC_SEND_FAILURE, LABELS("email", error_row((enum error_code)i)->name), 0);
    }
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        watch_record_sent(topics[i], NULL);
    }
}

int main(int count, char **arguments)
{
    const long times = count > 1 ? strtol(arguments[1], NULL, 10) : 1000000;
    struct metrics *metrics = metrics_new();
    metrics_watch(metrics, "bench", "bench");
    fill(metrics);

    volatile double floor = 0;
    double at = cpu_ns();
    for (long i = 0; i < times; i++) {
        floor += (double)i;
    }
    const double floor_ns = (cpu_ns() - at) / (double)times;

    at = cpu_ns();
    for (long i = 0; i < times; i++) {
        const enum error_code code = (enum error_code)(1 + i % (ERROR_CODE_COUNT - 1));
        metric_add(metrics, METRIC_SEND_FAILURE, LABELS("email", error_row(code)->name), 1);
    }
    const double counter_ns = (cpu_ns() - at) / (double)times;

    at = cpu_ns();
    for (long i = 0; i < times; i++) {
        metric_observe(metrics, METRIC_DELIVERY_LATENCY, LABELS("email"), (double)(i % 4000) / 1000);
    }
    const double histogram_ns = (cpu_ns() - at) / (double)times;

    at = cpu_ns();
    for (long i = 0; i < times; i++) { /* two topics by turns, as router and sender have it */
        watch_record_sent(i % 2 ? "outbound.send.email" : "outbound.retry.30s", NULL);
    }
    const double record_ns = (cpu_ns() - at) / (double)times;

    (void)printf("{\"floor_ns\": %.2f, \"counter_ns\": %.2f, \"histogram_ns\": %.2f, \"topic_ns\": %.2f}\n",
                 floor_ns, counter_ns, histogram_ns, record_ns);
    metrics_unwatch();
    metrics_free(metrics);
    return 0;
}
