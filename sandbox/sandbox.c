/*
 * outbound sandbox - stand-in provider APIs for development, load and fault tests.
 *
 * Stopping: no new connections; what waits is answered at once, what was to hang is reset.
 */
#include "sandbox/sandbox.h"

#include "base/log.h"
#include "sandbox/answer.h"
#include "sandbox/routes.h"
#include "sandbox/run.h"

/* SendGrid takes 30 MB; the largest message of this product is 256 KB. */
#define BODY_LIMIT ((size_t)1024 * 1024)
#define CONNECTIONS_MAX 20000
#define IDLE_TIMEOUT_S 0 /* a pool of kept connections may rest as long as it likes */

/* Comes an iteration after stop(): the server has sent the last answers by then. */
static void on_stopped(uv_timer_t *timer)
{
    struct sandbox *sandbox = timer->data;
    service_done(&sandbox->service);
}

static void stop(void *role)
{
    struct sandbox *sandbox = role;
    http_server_drain(sandbox->server);
    waiting_end(sandbox->waiting);
    uv_timer_start(&sandbox->stopped, on_stopped, 1, 0);
}

bool sandbox_write_deliveries(struct sandbox *sandbox)
{
    struct error error;
    if (sandbox->broken || deliveries_flush(sandbox->deliveries, &error)) {
        return !sandbox->broken;
    }
    log_error("%s", error.text);
    sandbox->broken = true;
    sandbox->service.exit_code = 1;
    service_done(&sandbox->service);
    return false;
}

static void on_writing(uv_timer_t *timer)
{
    (void)sandbox_write_deliveries(timer->data);
}

void sandbox_accept(struct sandbox *sandbox, const struct delivery *delivery)
{
    sandbox->stats.accepted++;
    deliveries_add(sandbox->deliveries, delivery);
    if (!uv_is_active((uv_handle_t *)&sandbox->writing)) {
        uv_timer_start(&sandbox->writing, on_writing, 0, 0);
    }
}

static bool open_all(struct sandbox *sandbox, struct error *error)
{
    const struct config *config = sandbox->config;
    uv_loop_t *loop = &sandbox->service.loop;
    sandbox->deliveries = deliveries_open(config->sandbox_log, error);
    if (!sandbox->deliveries) {
        return false;
    }
    const struct http_server_options options = {.host = config->sandbox_host,
                                                .port = (uint16_t)config->sandbox_port,
                                                .body_limit = BODY_LIMIT,
                                                .connection_limit = CONNECTIONS_MAX,
                                                .idle_timeout_s = IDLE_TIMEOUT_S,
                                                .on_headers = routes_on_headers,
                                                .on_body = routes_on_body,
                                                .on_request = routes_on_request,
                                                .arg = sandbox};
    sandbox->server = http_server_open(loop, &options, error);
    if (!sandbox->server) {
        return false;
    }
    sandbox->faults = faults_new();
    sandbox->waiting = waiting_new(loop, answers_send, sandbox);
    return true;
}

int sandbox_run(const struct config *config)
{
    struct sandbox sandbox = {.config = config, .latency_ms = config->sandbox_latency_ms};
    service_init(&sandbox.service, (unsigned)config->stop_timeout_ms, stop, &sandbox);
    uv_timer_init(&sandbox.service.loop, &sandbox.writing);
    uv_timer_init(&sandbox.service.loop, &sandbox.stopped);
    sandbox.writing.data = &sandbox;
    sandbox.stopped.data = &sandbox;
    struct error error;
    int exit_code = 1;
    if (open_all(&sandbox, &error)) {
        log_info("listening on http://%s:%d, deliveries go to %s", config->sandbox_host,
                 (int)config->sandbox_port, config->sandbox_log);
        exit_code = service_run(&sandbox.service);
        waiting_end(sandbox.waiting); /* what came in the last iteration */
        waiting_close(sandbox.waiting);
        http_server_close(sandbox.server);
    } else {
        log_error("%s", error.text);
    }
    faults_free(sandbox.faults);
    deliveries_close(sandbox.deliveries);
    service_release(&sandbox.service);
    return exit_code;
}
