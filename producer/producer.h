/*
 * producer.h - the role's one struct, and how its files see each other.
 *
 *   api.c           which request goes where
 *   ingest_path.c   the way of a new message: checked, stored, answered, published
 *   alerts.c        Alertmanager's notifications become messages to an operator
 *   relay.c         tells Kafka what PostgreSQL says it has to be told
 *   event_relay.c   tells callers what became of their messages
 *   rebuild.c       when Kafka has lost everything: has it told again (kafka_look.c, kafka_ends.c)
 *   dead_letters.c  /api/v1/dead-letters
 *   health.c        /health
 *   answer.c        JSON and problem documents
 *   request_span.c  the span of a request
 */
#ifndef PRODUCER_PRODUCER_H
#define PRODUCER_PRODUCER_H

#include "base/http_server.h"
#include "base/kafka_producer.h"
#include "base/pg.h"
#include "base/service.h"
#include "metrics/metrics.h"
#include "metrics/trace.h"
#include "schemas/config.h"
#include "schemas/leases.h"
#include "schemas/store.h"

struct producer;
struct api_request;
struct relay;
struct event_relay;
struct rebuild;
struct rebuild_watch;

/* One row of the API. */
struct api_route {
    const char *method;
    const char *path; /* "{id}" stands for one segment; also the metric label */
    void (*handle)(struct api_request *request);
};

/* Lives in the HTTP request's arena, and so until it is answered. */
struct api_request {
    struct producer *producer;
    struct http_request *http;
    const struct api_route *route; /* NULL: none fits */
    const char *correlation_id;    /* the caller's or ours */
    const char *id;                /* what stands for {id}; NULL when the route has none */
    struct span span;
    const struct new_message *message; /* that the request has brought; NULL: none, or it was there before */
};

struct producer {
    struct service service;
    const struct config *config;
    struct metrics *metrics;
    struct tracer *tracer;
    struct http_server *server;
    struct store *store;
    struct relay *relay;
    struct event_relay *events;
    struct rebuild *rebuild;
    struct rebuild_watch *rebuilds;
    struct pg *reader; /* for GET and health, and for leases, which are little work */
    struct leases leases;
    uv_timer_t lease_timer;
    uv_timer_t drain_check;
};

/* api.c */
void api_handle(void *arg, struct http_request *http); /* the producer, as the server calls it */
const char *api_allowed_methods(const char *path);
const char *api_status_label(int status);
void api_count_from_zero(
    struct metrics *metrics); /* what dashboards and alerts have to see before it happens */

/* health.c */
void health_all(struct api_request *request);
void health_live(struct api_request *request);
void health_ready(struct api_request *request);
void health_database(struct api_request *request);

#endif
