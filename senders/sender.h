/*
 * sender.h - the role's one struct, and how its files see each other.
 *
 *   deliver_path.c   the way of a message: taken, claimed, sent, judged, finished
 *   intake.c         which records are taken next: urgent first, none starved
 *   deliver_log.c    what the log tells of it
 *   claim.c          A: a batch of messages becomes ours, committed before the first byte goes out
 *   finish.c         C: what became of a batch is stored, D: then offsets may be committed
 *   republish.c      messages whose record Kafka may have lost
 *   attempt_span.c   the spans of an attempt, and the headers that continue its trace at the provider
 *   transport.c      a request on its way: by HTTP or by SMTP
 *   policy.c         what follows from a verdict
 *   providers.c, sendgrid/, ses/ …   the drivers
 *   payload_text.c, template_map.c, mailbox.c, aws.c   what several drivers need
 */
#ifndef SENDERS_SENDER_H
#define SENDERS_SENDER_H

#include "base/http_client.h"
#include "base/kafka_consumer.h"
#include "base/kafka_producer.h"
#include "base/pace.h"
#include "base/pg.h"
#include "base/service.h"
#include "base/smtp_client.h"
#include "metrics/metrics.h"
#include "metrics/trace.h"
#include "schemas/config.h"
#include "schemas/leases.h"
#include "schemas/reference.h"
#include "senders/message.h"
#include "senders/policy.h"
#include "senders/provider.h"
#include "senders/verdict.h"

/* A topic that the sender reads: one for urgent messages, one for the others. */
struct lane {
    struct kafka_consumer *consumer;
    const char *topic;
    size_t in_flight;
};

enum { LANE_URGENT, LANE_NORMAL, LANE_COUNT };

struct attempt_trace;
struct delivery;
struct unreadable;

/* What a claim brought: the rows that the messages of its deliveries point into. Freed with the last of them.
 */
struct claim {
    PGresult *rows;
    size_t users;
    int64_t sent_us; /* monotonic, before the claim was sent: the lease began later */
    int64_t answered_us;
};

/*
 * A message in the sender's hand, from its record to its committed end. It is in exactly one place: with
 * intake, in a claim, with libcurl, in the list of those to finish, or among the free.
 */
struct delivery {
    struct delivery *next;
    struct sender *sender;
    struct lane *lane;
    struct kafka_position position;
    struct uuid id;
    int32_t generation;
    int32_t fence; /* of the record; the claim raises it to message.attempt_no */
    struct claim *claim;
    struct message message;
    int64_t age_us;                 /* since it was accepted, when it was claimed */
    struct http_exchange *exchange; /* of these two, one: the protocol that the provider speaks */
    struct smtp_exchange *mail;
    struct attempt_trace *trace; /* NULL: the message belongs to none */
    struct verdict verdict;
    struct decision decision;
    int64_t duration_us;
};

/* First in, first out. */
struct delivery_list {
    struct delivery *first;
    struct delivery **last;
    size_t count;
};

void delivery_list_init(struct delivery_list *list);
void delivery_list_push(struct delivery_list *list, struct delivery *delivery);
struct delivery *delivery_list_pop(struct delivery_list *list);
/* Appends all of `from`, which is empty afterwards. */
void delivery_list_move(struct delivery_list *from, struct delivery_list *to);

/* Where requests go, as spans have it. */
struct provider_place {
    char url[512]; /* without a login */
    char host[256];
    int64_t port;
};

struct sender {
    struct service service;
    const struct config *config;
    struct metrics *metrics;
    struct tracer *tracer;
    enum channel channel;
    const char *channel_label;
    const struct provider *provider;
    struct endpoint endpoint;
    struct provider_place place;
    struct tiers tiers;

    struct lane lanes[LANE_COUNT];
    struct http_client *http; /* of these two, one */
    struct smtp_client *smtp;
    size_t places; /* how many deliveries there are */
    struct delivery *deliveries;
    struct delivery *free;
    size_t in_flight; /* those not free */

    struct pg *claim_pg;
    struct pg_params claim_params;
    struct delivery_list claiming;  /* in the statement on its way, in its order */
    struct delivery_list unclaimed; /* taken; waits for others, or a claim failed */
    struct pace claim_pace;
    int64_t claim_again_ms; /* monotonic; after a claim that failed */

    struct pg *finish_pg;
    struct rebuild_watch *rebuilds;
    struct pg_params finish_params;
    struct delivery_list finishing; /* in the statement on its way */
    struct delivery_list finished;  /* ended, not stored yet */
    size_t finish_limit;            /* 1 after the database refused a batch, to find the one to blame */
    struct pace finish_pace;
    uv_timer_t soon; /* when a pace lets a batch begin */

    size_t claims;                       /* made so far */
    struct unreadable *unreadable;       /* records to be handed to the dead letters again */
    struct kafka_producer *dead_letters; /* opened for the first record that cannot be read */
    uv_timer_t tick;
    uv_timer_t lease_timer;
    uv_timer_t republish_timer;
    struct leases leases;
    bool inheriting;
    bool inherited; /* the claims of the sender that had this name before are ended */
    bool republishing;
};

/* deliver_path.c */
void deliver_take(void *arg); /* the sender, as consumers call it */
void deliver_claimed(struct delivery *delivery);
void deliver_skipped(struct delivery *delivery);
void deliver_expired(struct delivery *delivery);
void deliver_stored(struct delivery *delivery, bool stored); /* or its end came too late */

/* True: the next batch of that pace has to wait, and is begun when it need not any more. */
bool deliver_soon(struct sender *sender, const struct pace *pace);

/* The record is dealt with, durably: its offset may be committed, its place is free. */
void delivery_release(struct delivery *delivery);

/* deliver_log.c: there was no time left; a request of so many bytes goes out; its answer; what became of the
 * attempt. */
void deliver_log_expired(const struct delivery *delivery, struct text correlation_id, struct text org_id);
void deliver_log_start(const struct delivery *delivery, size_t size);
void deliver_log_answer(const struct delivery *delivery, const struct http_result *result);
void deliver_log_end(const struct delivery *delivery, bool stored);

/* intake.c: takes records into `unclaimed`, at most `most`. */
void intake_fill(struct sender *sender, size_t most);
bool intake_has_room(const struct sender *sender, const struct lane *lane);
bool intake_is_full(const struct sender *sender); /* a lane has no room */
void intake_retry(struct sender *sender);
void intake_close(struct sender *sender);

/*
 * transport.c: the buffer for a delivery's request, its start, and a header of its answer (NULL where there
 * is none). `done(delivery, …)` is called as http_client.h has it.
 */
void transport_open(struct sender *sender);
void transport_close(struct sender *sender);
struct buffer *transport_body(struct delivery *delivery);
void transport_start(struct delivery *delivery, http_done_fn *done);
const char *transport_header(void *delivery, const char *name);

/*
 * attempt_span.c: an attempt from its claim to its stored end, and the request to the provider within it.
 * attempt_request() returns the headers of the endpoint with the trace's before them; they live until
 * attempt_leave().
 */
void attempt_place(const struct sender *sender, struct provider_place *ret_place);
void attempt_begin(struct delivery *delivery, struct text traceparent, struct text tracestate);
void attempt_link(const struct delivery *delivery, struct span_links *links);
struct curl_slist *attempt_request(struct delivery *delivery);
void attempt_answered(struct delivery *delivery);
void attempt_end(struct delivery *delivery, bool stored);
void attempt_leave(struct delivery *delivery);

/* claim.c: lets go of the rows that the message points into, if it has any. */
void claim_leave(struct delivery *delivery);

/* claim.c, finish.c, republish.c, inherit.c: each starts a statement if there is something to do and none is
 * on its way.
 */
void claim_start(struct sender *sender);
void finish_start(struct sender *sender);
void republish_start(struct sender *sender);
void inherit_start(struct sender *sender);

/* Until then nothing is claimed: it would be taken for the predecessor's. */
bool inherit_is_done(const struct sender *sender);

#endif
