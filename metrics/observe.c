#include "metrics/observe.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http_server.h"
#include "base/log.h"
#include "base/memory.h"
#include "metrics/sentry.h"

#define TRY_AGAIN_MS 10000
#define CONNECTIONS_MAX 32
#define IDLE_TIMEOUT_S 120
#define EXPOSITION_MAX ((size_t)64 * 1024 * 1024)

struct observe {
    struct observe_options options;
    struct http_server *server; /* NULL: the port is not ours yet */
    struct log_seldom complaint;
    uv_timer_t try_again;
};

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* Not from /proc/self/statm, which may be megabytes away from it: Linux counts in batches for each CPU. */
static void set_memory(struct metrics *metrics)
{
    static const char wanted[] = "VmRSS:";
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) {
        if (strncmp(line, wanted, sizeof wanted - 1) == 0) {
            metric_set(metrics, METRIC_PROCESS_MEMORY, NO_LABELS,
                       strtod(line + sizeof wanted - 1, NULL) * 1024);
        }
    }
    if (status) {
        (void)fclose(status);
    }
}

static void count_descriptors(struct metrics *metrics)
{
    DIR *entries = opendir("/proc/self/fd");
    double count = -3; /* ".", ".." and the folder's own */
    while (entries && readdir(entries)) {
        count++;
    }
    if (entries) {
        (void)closedir(entries);
        metric_set(metrics, METRIC_PROCESS_FDS, NO_LABELS, count);
    }
}

static void count_lines(struct metrics *metrics)
{
    static const char *const labels[] = {"trace", "debug", "info", "warn", "error"};
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        metric_set(metrics, METRIC_LOG_LINES, LABELS(labels[i]), (double)log_lines((enum log_level)i));
    }
    const struct sentry_counts errors = sentry_counts();
    metric_set(metrics, METRIC_ERROR_REPORTS, LABELS("sent"), (double)errors.sent);
    metric_set(metrics, METRIC_ERROR_REPORTS, LABELS("limited"), (double)errors.limited);
    metric_set(metrics, METRIC_ERROR_REPORTS, LABELS("dropped"), (double)errors.dropped);
}

void observe_process(struct metrics *metrics)
{
    static double started; /* near enough: metrics_watch() looks first, at the start */
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        metric_set(metrics, METRIC_PROCESS_CPU, NO_LABELS, seconds(usage.ru_utime) + seconds(usage.ru_stime));
    }
    set_memory(metrics);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        metric_set(metrics, METRIC_PROCESS_MAX_FDS, NO_LABELS, (double)limit.rlim_cur);
    }
    if (started == 0) {
        started = (double)clock_wall_ms() / 1000;
    }
    metric_set(metrics, METRIC_PROCESS_START, NO_LABELS, started);
    count_descriptors(metrics);
    count_lines(metrics);
}

static void answer_metrics(struct observe *observe, struct http_request *request)
{
    static const struct http_header headers[] = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"},
                                                 {NULL, NULL}};
    struct http_text *texts[HTTP_TEXTS_MAX];
    size_t count = 0;
    texts[count] = observe->options.on_scrape ? observe->options.on_scrape(observe->options.arg) : NULL;
    count += texts[count] != NULL;
    struct http_text *own = texts[count++] = http_text_new(EXPOSITION_MAX);
    observe_process(observe->options.metrics);
    metrics_expose(observe->options.metrics, http_text_buffer(own));
    if (http_text_buffer(own)->overflow) {
        http_respond(request, 500, NULL, "", 0);
    } else {
        http_respond_texts(request, 200, headers, texts, count);
    }
    http_text_release(own);
}

static void on_request(void *arg, struct http_request *request)
{
    static const struct http_header json[] = {{"Content-Type", "application/json"}, {NULL, NULL}};
    static const struct http_header allow[] = {{"Allow", "GET, HEAD"}, {NULL, NULL}};
    static const char alive[] = "{\"status\":\"UP\"}\n";
    const bool metrics = strcmp(request->path, "/metrics") == 0;
    if (!metrics && strcmp(request->path, "/health/live") != 0) {
        http_respond(request, 404, NULL, "", 0);
    } else if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        http_respond(request, 405, allow, "", 0);
    } else if (metrics) {
        answer_metrics(arg, request);
    } else {
        http_respond(request, 200, json, alive, sizeof alive - 1);
    }
}

static void try_to_open(struct observe *observe)
{
    struct error error;
    const struct http_server_options options = {.host = observe->options.host,
                                                .port = observe->options.port,
                                                .connection_limit = CONNECTIONS_MAX,
                                                .idle_timeout_s = IDLE_TIMEOUT_S,
                                                .on_request = on_request,
                                                .arg = observe};
    observe->server = http_server_open(observe->options.loop, &options, &error);
    if (observe->server) {
        uv_timer_stop(&observe->try_again);
        log_info("metrics are at http://%s:%u/metrics", observe->options.host, observe->options.port);
    } else {
        log_seldom(&observe->complaint, "no metrics are served, see OUTBOUND_METRICS_PORT: %s", error.text);
    }
}

static void on_try_again(uv_timer_t *timer)
{
    try_to_open(timer->data);
}

struct observe *observe_open(const struct observe_options *options)
{
    if (options->port == 0) {
        return NULL;
    }
    struct observe *observe = NEW(struct observe);
    observe->options = *options;
    uv_timer_init(options->loop, &observe->try_again);
    observe->try_again.data = observe;
    uv_timer_start(&observe->try_again, on_try_again, TRY_AGAIN_MS, TRY_AGAIN_MS);
    uv_unref((uv_handle_t *)&observe->try_again);
    try_to_open(observe);
    return observe;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void observe_close(struct observe *observe)
{
    if (observe) {
        http_server_close(observe->server);
        uv_close((uv_handle_t *)&observe->try_again, on_closed);
    }
}
