#include "metrics/sentry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/log.h"
#include "metrics/sentry_dsn.h"
#include "metrics/sentry_event.h"
#include "metrics/sentry_limits.h"

#define WAITING_MAX 32
#define ENVELOPE_MAX ((size_t)512 * 1024)
#define TRIES_MAX 3
#define TRY_AGAIN_MS 5000
#define PAUSE_OF_429_S 60 /* when it does not say for how long */
#define CLOSE_WITHIN_MS 2000

struct report {
    struct buffer envelope;
    unsigned tries;
};

/* First in, first out. The listener's thread adds, the loop's takes. */
struct reports {
    struct report items[WAITING_MAX];
    size_t first;
    size_t count;
};

static struct {
    bool open;
    struct event_source source;
    struct sentry_target target;
    char server_name[256];
    struct curl_slist *headers;

    pthread_mutex_t lock; /* of what follows, up to the loop */
    struct reports waiting;
    struct breadcrumbs breadcrumbs;
    struct error_kinds kinds;
    bool attached;
    int64_t silent_until_ms; /* monotonic; what happens until then is not wanted */
    _Atomic uint64_t sent, limited, dropped;

    uv_loop_t *loop;
    uv_async_t wake; /* from any thread */
    uv_timer_t again;
    struct http_client *http;
    struct http_exchange *exchange;
    bool sending; /* the first report */
    struct log_seldom refusals;
} sentry = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- the listener: any thread */

static void add_report(const struct log_line *line, unsigned unreported)
{
    struct reports *waiting = &sentry.waiting;
    if (waiting->count == WAITING_MAX) {
        sentry.dropped++;
        return;
    }
    struct report *report = &waiting->items[(waiting->first + waiting->count++) % WAITING_MAX];
    report->tries = 0;
    buffer_init(&report->envelope, ENVELOPE_MAX);
    sentry_event_write(&sentry.source, line, &sentry.breadcrumbs, unreported, &report->envelope);
    if (sentry.attached) {
        uv_async_send(&sentry.wake);
    }
}

static void on_line(void *arg, const struct log_line *line)
{
    (void)arg;
    const int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&sentry.lock);
    if (line->level >= LOG_ERROR) {
        const char *code = log_line_field(line, "errorCode");
        unsigned unreported;
        if (now_ms < sentry.silent_until_ms ||
            !error_kinds_take(&sentry.kinds, line->format, code ? code : "", now_ms, &unreported)) {
            sentry.limited++;
        } else {
            add_report(line, unreported);
        }
    }
    breadcrumbs_add(&sentry.breadcrumbs, line);
    pthread_mutex_unlock(&sentry.lock);
}

/* --- the sender: the loop's thread */

static void send_next(void);

static size_t waiting_count(void)
{
    pthread_mutex_lock(&sentry.lock);
    const size_t count = sentry.waiting.count;
    pthread_mutex_unlock(&sentry.lock);
    return count;
}

static void drop_first(void)
{
    pthread_mutex_lock(&sentry.lock);
    struct reports *waiting = &sentry.waiting;
    buffer_release(&waiting->items[waiting->first].envelope);
    waiting->first = (waiting->first + 1) % WAITING_MAX;
    waiting->count--;
    pthread_mutex_unlock(&sentry.lock);
}

static void drop_all(_Atomic uint64_t *as)
{
    while (waiting_count() > 0) {
        drop_first();
        (*as)++;
    }
}

/* What waits was not wanted either. */
static void keep_silent(int64_t pause_s)
{
    pthread_mutex_lock(&sentry.lock);
    sentry.silent_until_ms = clock_monotonic_ms() + pause_s * 1000;
    pthread_mutex_unlock(&sentry.lock);
    drop_all(&sentry.limited);
}

static void on_try_again(uv_timer_t *timer)
{
    (void)timer;
    send_next();
}

/* A server that is away, or has a problem of its own: the report may go in a while. Its id tells a
 * repetition. */
static void try_later(const char *why)
{
    struct report *report = &sentry.waiting.items[sentry.waiting.first];
    log_seldom(&sentry.refusals, "errors cannot be reported to Sentry: %s", why);
    if (++report->tries == TRIES_MAX) {
        drop_first();
        sentry.dropped++;
    }
    uv_timer_start(&sentry.again, on_try_again, TRY_AGAIN_MS, 0);
}

static void on_answer(void *arg, const struct http_result *result)
{
    (void)arg;
    sentry.sending = false;
    const int64_t pause_s =
        sentry_limits_pause_s(http_exchange_header(sentry.exchange, "X-Sentry-Rate-Limits"));
    if (result->code != CURLE_OK) {
        try_later(result->error);
        return;
    }
    if (result->status >= 500) {
        char why[64];
        (void)snprintf(why, sizeof why, "HTTP status %d", result->status);
        try_later(why);
        return;
    }
    drop_first();
    if (result->status == 429) {
        sentry.limited++;
        keep_silent(pause_s ? pause_s : result->retry_after_s ? result->retry_after_s : PAUSE_OF_429_S);
    } else if (result->status >= 300) {
        sentry.dropped++;
        log_seldom(&sentry.refusals, "Sentry does not take a report of an error: HTTP status %d",
                   result->status);
    } else {
        sentry.sent++;
        sentry.refusals = (struct log_seldom){0};
        if (pause_s) {
            keep_silent(pause_s);
        }
    }
    send_next();
}

static void send_next(void)
{
    if (sentry.sending || waiting_count() == 0 || uv_is_active((uv_handle_t *)&sentry.again)) {
        return;
    }
    const struct buffer *envelope = &sentry.waiting.items[sentry.waiting.first].envelope;
    struct buffer *body = http_exchange_body(sentry.exchange);
    buffer_clear(body);
    buffer_append(body, envelope->bytes, envelope->length);
    const struct http_call call = {.url = sentry.target.url, .headers = sentry.headers};
    sentry.sending = true;
    http_exchange_start(sentry.exchange, &call, on_answer, NULL);
}

static void on_wake(uv_async_t *wake)
{
    (void)wake;
    send_next();
}

bool sentry_open(const struct sentry_options *options, struct error *error)
{
    if (!sentry_dsn_parse(options->dsn, &sentry.target, error)) {
        return false;
    }
    (void)gethostname(sentry.server_name, sizeof sentry.server_name - 1);
    sentry.source = (struct event_source){.environment = options->environment,
                                          .release = options->release,
                                          .logger = options->logger,
                                          .server_name = sentry.server_name};
    struct buffer header;
    buffer_init(&header, 512);
    buffer_format(&header, "X-Sentry-Auth: Sentry sentry_version=7, sentry_client=outbound/%s, sentry_key=%s",
                  OUTBOUND_VERSION, sentry.target.key);
    sentry.headers = curl_slist_append(NULL, header.bytes);
    sentry.headers = curl_slist_append(sentry.headers, "Content-Type: application/x-sentry-envelope");
    sentry.headers = curl_slist_append(sentry.headers, "User-Agent: outbound/" OUTBOUND_VERSION);
    buffer_release(&header);
    sentry.open = true;
    log_listen(LOG_INFO, on_line, NULL);
    return true;
}

void sentry_attach(uv_loop_t *loop)
{
    if (!sentry.open) {
        return;
    }
    sentry.loop = loop;
    const struct http_client_options options = {.connect_timeout_ms = 3000,
                                                .total_timeout_ms = 10000,
                                                .max_connections = 1,
                                                .response_limit = 4096,
                                                .plain_http = true};
    sentry.http = http_client_new(loop, &options);
    sentry.exchange = http_exchange_new(sentry.http);
    uv_timer_init(loop, &sentry.again);
    uv_unref((uv_handle_t *)&sentry.again);
    uv_async_init(loop, &sentry.wake, on_wake);
    uv_unref((uv_handle_t *)&sentry.wake);
    pthread_mutex_lock(&sentry.lock);
    sentry.attached = true;
    pthread_mutex_unlock(&sentry.lock);
    send_next();
}

void sentry_detach(void)
{
    if (!sentry.loop) {
        return;
    }
    pthread_mutex_lock(&sentry.lock);
    sentry.attached = false;
    pthread_mutex_unlock(&sentry.lock);
    http_exchange_free(sentry.exchange);
    http_client_free(sentry.http);
    uv_close((uv_handle_t *)&sentry.again, NULL);
    uv_close((uv_handle_t *)&sentry.wake, NULL);
    sentry.exchange = NULL;
    sentry.http = NULL;
    sentry.loop = NULL;
    sentry.sending = false;
}

static void on_time_is_up(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* A loop of its own: that of the role is gone, or there was none. */
static void send_what_is_left(void)
{
    uv_loop_t loop;
    uv_timer_t time_is_up;
    const int64_t end_ms = clock_monotonic_ms() + CLOSE_WITHIN_MS;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &time_is_up);
    uv_timer_start(&time_is_up, on_time_is_up, CLOSE_WITHIN_MS, 0);
    sentry_attach(&loop);
    while (sentry.sending && clock_monotonic_ms() < end_ms) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    sentry_detach();
    uv_close((uv_handle_t *)&time_is_up, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
}

void sentry_close(void)
{
    if (!sentry.open) {
        return;
    }
    if (waiting_count() > 0) {
        send_what_is_left();
    }
    log_listen(LOG_INFO, NULL, NULL);
    drop_all(&sentry.dropped);
    curl_slist_free_all(sentry.headers);
    sentry.headers = NULL;
    sentry.open = false;
}

struct sentry_counts sentry_counts(void)
{
    return (struct sentry_counts){.sent = sentry.sent, .limited = sentry.limited, .dropped = sentry.dropped};
}
