#include <string.h>

#include "base/clock.h"
#include "producer/answer.h"
#include "producer/ingest.h"
#include "producer/relay.h"

/* A query that touches nothing: the time until its answer is the database's response time. */
static const struct pg_statement ping = {"ping", "SELECT 1", "SELECT", "none"};

enum scope { HEALTH_ALL, HEALTH_DATABASE, HEALTH_READY };

struct check {
    struct api_request *request;
    int64_t started_us;
    enum scope of;
};

/* `response_us` below 0 and `error` NULL are left out. */
static void service(struct buffer *document, const char *name, bool up, int64_t response_us,
                    const char *error)
{
    buffer_format(document, "\"%s\":{\"status\":\"%s\"", name, up ? "UP" : "DOWN");
    if (response_us >= 0) {
        buffer_format(document, ",\"responseTime\":%.3f", (double)response_us / 1000);
    }
    if (error) {
        buffer_text(document, ",\"error\":");
        buffer_json_string(document, error, strlen(error));
    }
    buffer_text(document, "}");
}

/*
 * Without the database nothing can be accepted: DOWN, 503. Without Kafka messages are accepted and wait:
 * DEGRADED, 200. But a producer that Kafka has refused from its start on has a wrong setting, and is not
 * ready: a rollout stops there. Once it was connected it stays ready, or a password changed in Kafka would
 * stop the intake.
 */
static void report(const struct check *check, bool database_up, int64_t response_us)
{
    const struct relay *relay = check->request->producer->relay;
    const bool kafka_up = relay_kafka_is_connected(relay);
    const char *refused = relay_kafka_refused(relay);
    const bool never_let_in = check->of == HEALTH_READY && refused && !relay_kafka_was_connected(relay);
    const bool with_kafka = check->of == HEALTH_ALL || never_let_in;
    const bool fine = database_up && !never_let_in;
    char now[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(clock_wall_ms(), now);
    struct buffer document;
    buffer_init(&document, 2048);
    buffer_format(&document, "{\"status\":\"%s\",\"timestamp\":\"%s\",\"services\":{",
                  !fine                     ? "DOWN"
                  : with_kafka && !kafka_up ? "DEGRADED"
                                            : "UP",
                  now);
    service(&document, "database", database_up, response_us, NULL);
    if (with_kafka) {
        buffer_text(&document, ",");
        service(&document, "kafka", kafka_up, -1, refused);
    }
    buffer_text(&document, "}}");
    answer_json(check->request, fine ? 200 : 503, NULL, document.bytes, document.length);
    buffer_release(&document);
}

static void on_pong(void *arg, struct pg_reply *reply)
{
    struct check *check = arg;
    /* It answers; what stores messages has to be there as well. */
    const bool up = reply->outcome == PG_DONE && ingest_is_up(check->request->producer);
    report(check, up, clock_monotonic_us() - check->started_us);
}

static void check_start(struct api_request *request, enum scope of)
{
    struct check *check = arena_alloc(&request->http->arena, sizeof *check);
    *check = (struct check){request, clock_monotonic_us(), of};
    if (!pg_call(request->producer->reader, &ping, NULL, on_pong, check)) {
        report(check, false, -1);
    }
}

void health_all(struct api_request *request)
{
    check_start(request, HEALTH_ALL);
}

void health_database(struct api_request *request)
{
    check_start(request, HEALTH_DATABASE);
}

void health_ready(struct api_request *request)
{
    check_start(request, HEALTH_READY);
}

/* The loop runs, or this would not be answered. */
void health_live(struct api_request *request)
{
    static const char document[] = "{\"status\":\"UP\"}";
    answer_json(request, 200, NULL, document, strlen(document));
}
