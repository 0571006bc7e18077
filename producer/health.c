#include <string.h>

#include "base/clock.h"
#include "producer/answer.h"
#include "producer/relay.h"

/* A query that touches nothing: the time until its answer is the database's response time. */
static const struct pg_statement ping = {"ping", "SELECT 1"};

struct check {
    struct api_request *request;
    int64_t started_us;
    bool with_kafka;
};

static void service(struct buffer *document, const char *name, bool up, int64_t response_us)
{
    buffer_format(document, "\"%s\":{\"status\":\"%s\"", name, up ? "UP" : "DOWN");
    if (response_us >= 0) {
        buffer_format(document, ",\"responseTime\":%.3f", (double)response_us / 1000);
    }
    buffer_text(document, "}");
}

/*
 * Without the database nothing can be accepted: DOWN, 503. Without Kafka messages are accepted and wait:
 * DEGRADED, 200.
 */
static void report(const struct check *check, bool database_up, int64_t response_us)
{
    const bool kafka_up = relay_kafka_is_connected(check->request->producer->relay);
    char now[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(clock_wall_ms(), now);
    struct buffer document;
    buffer_init(&document, 2048);
    buffer_format(&document, "{\"status\":\"%s\",\"timestamp\":\"%s\",\"services\":{",
                  !database_up                     ? "DOWN"
                  : check->with_kafka && !kafka_up ? "DEGRADED"
                                                   : "UP",
                  now);
    service(&document, "database", database_up, response_us);
    if (check->with_kafka) {
        buffer_text(&document, ",");
        service(&document, "kafka", kafka_up, -1);
    }
    buffer_text(&document, "}}");
    answer_json(check->request, database_up ? 200 : 503, NULL, document.bytes, document.length);
    buffer_release(&document);
}

static void on_pong(void *arg, struct pg_reply *reply)
{
    struct check *check = arg;
    /* It answers; the connection that stores messages has to be there as well. */
    const bool up = reply->outcome == PG_DONE && store_is_up(check->request->producer->store);
    report(check, up, clock_monotonic_us() - check->started_us);
}

static void check_start(struct api_request *request, bool with_kafka)
{
    struct check *check = arena_alloc(&request->http->arena, sizeof *check);
    *check = (struct check){request, clock_monotonic_us(), with_kafka};
    if (!pg_call(request->producer->reader, &ping, NULL, on_pong, check)) {
        report(check, false, -1);
    }
}

void health_all(struct api_request *request)
{
    check_start(request, true);
}

void health_database(struct api_request *request)
{
    check_start(request, false);
}

void health_ready(struct api_request *request)
{
    check_start(request, false);
}

/* The loop runs, or this would not be answered. */
void health_live(struct api_request *request)
{
    static const char document[] = "{\"status\":\"UP\"}";
    answer_json(request, 200, NULL, document, strlen(document));
}
