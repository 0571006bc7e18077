/*
 * The way of a message through the sender:
 *
 *   deliver_take()      a record is taken, if there is a place free for it        (intake.c)
 *   A  claim            QUEUED → SENDING, committed                               (claim.c)
 *      deliver_claimed()   it is ours: the request is built and goes out
 *      deliver_expired()   its time was over
 *      deliver_skipped()   it is not QUEUED any more: somebody has handled it, the record is done
 *   B  send             one request, within the lease                             (transport.c)
 *      on_answer()         judged (provider), decided (policy.c)
 *   C  finish           what became of it, committed                              (finish.c)
 *   D  deliver_stored() counted; the record is done, its offset may be committed
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "senders/sender.h"

/* Between the end of a request's time-out and the end of the lease: for storing the answer. */
#define LEASE_MARGIN_US ((int64_t)1000 * 1000)

void deliver_take(void *arg)
{
    struct sender *sender = arg;
    if (!sender->config->worker_enabled) {
        return;
    }
    const bool open = !sender->service.stopping && pg_is_up(sender->claim_pg);
    const size_t most = (size_t)sender->config->worker_batch_size;
    if (open && sender->claiming.count == 0 && sender->unclaimed.count < most) {
        intake_fill(sender, most - sender->unclaimed.count);
        claim_start(sender);
    }
    for (size_t i = 0; i < LANE_COUNT; i++) {
        kafka_consumer_set_room(sender->lanes[i].consumer,
                                open && intake_has_room(sender, &sender->lanes[i]));
    }
}

static void on_soon(uv_timer_t *timer)
{
    finish_start(timer->data);
    deliver_take(timer->data);
}

bool deliver_soon(struct sender *sender, const struct pace *pace)
{
    const uint64_t wait_ms = pace_wait_ms(pace, clock_monotonic_us());
    const bool sooner =
        !uv_is_active((uv_handle_t *)&sender->soon) || uv_timer_get_due_in(&sender->soon) > wait_ms;
    if (wait_ms > 0 && sooner) {
        uv_timer_start(&sender->soon, on_soon, wait_ms, 0);
    }
    return wait_ms > 0;
}

void delivery_release(struct delivery *delivery)
{
    struct sender *sender = delivery->sender;
    kafka_consumer_finish(delivery->lane->consumer, delivery->position);
    attempt_leave(delivery);
    claim_leave(delivery);
    delivery->next = sender->free;
    sender->free = delivery;
    sender->in_flight--;
    delivery->lane->in_flight--;
}

void deliver_skipped(struct delivery *delivery)
{
    metric_add(delivery->sender->metrics, METRIC_SKIPPED, LABELS(delivery->sender->channel_label), 1);
    delivery_release(delivery);
}

/* The claim has given it up, and announced its dead letter. */
void deliver_expired(struct delivery *delivery)
{
    metric_add(delivery->sender->metrics, METRIC_DEAD_LETTER, LABELS(delivery->sender->channel_label), 1);
    delivery_release(delivery);
}

/* The attempt has ended: what follows is decided here, and stored with the next batch. */
static void end_attempt(struct delivery *delivery)
{
    struct sender *sender = delivery->sender;
    delivery->decision = policy_decide(sender->config, &sender->tiers, sender->channel, &delivery->message,
                                       &delivery->verdict);
    delivery_list_push(&sender->finished, delivery);
    finish_start(sender);
}

static void on_answer(void *arg, const struct http_result *result)
{
    struct delivery *delivery = arg;
    struct sender *sender = delivery->sender;
    FAIL_POINT("sender.answered");
    delivery->duration_us = result->duration_us;
    deliver_log_answer(delivery, result);
    if (result->code == CURLE_OK) {
        const struct provider_answer answer = {.status = result->status,
                                               .body = result->body->bytes ? result->body->bytes : "",
                                               .body_length = result->body->length,
                                               .retry_after_s = result->retry_after_s,
                                               .header = transport_header,
                                               .header_arg = delivery};
        sender->provider->judge(&answer, &delivery->verdict);
        verdict_make_storable(delivery->verdict.provider_message_id);
    } else {
        verdict_of_transport(result, &delivery->verdict);
    }
    metric_observe(sender->metrics, METRIC_PROVIDER_DURATION, LABELS(sender->provider->name),
                   (double)result->duration_us / 1e6);
    attempt_answered(delivery);
    end_attempt(delivery);
}

/* A process that was stopped for a while may hold a claim that has run out, or soon will. */
static bool lease_is_long_enough(const struct delivery *delivery)
{
    const struct config *config = delivery->sender->config;
    const int64_t latest_start_us = delivery->claim->sent_us +
                                    (config->sender_lease_ms - config->sender_timeout_ms) * 1000 -
                                    LEASE_MARGIN_US;
    return clock_monotonic_us() < latest_start_us;
}

void deliver_claimed(struct delivery *delivery)
{
    struct sender *sender = delivery->sender;
    delivery->verdict = (struct verdict){.code = ERROR_NONE};
    delivery->duration_us = 0;
    struct buffer *body = transport_body(delivery);
    if (!lease_is_long_enough(delivery)) {
        verdict_set(&delivery->verdict, ERROR_NOT_STARTED, "too little was left of the lease to send");
        end_attempt(delivery);
    } else if (!sender->provider->build(sender->config, &delivery->message, body, &delivery->verdict)) {
        buffer_clear(body);
        end_attempt(delivery);
    } else {
        deliver_log_start(delivery, body->length);
        FAIL_POINT("sender.begins");
        transport_start(delivery, on_answer);
    }
}

static void count_end(const struct delivery *delivery)
{
    const struct sender *sender = delivery->sender;
    const char *channel = sender->channel_label;
    const enum state state = delivery->decision.state;
    if (state == STATE_SENT) {
        const int64_t latency_us = delivery->age_us + clock_monotonic_us() - delivery->claim->answered_us;
        metric_add(sender->metrics, METRIC_SEND_SUCCESS, LABELS(channel), 1);
        metric_observe(sender->metrics, METRIC_DELIVERY_LATENCY, LABELS(channel), (double)latency_us / 1e6);
    } else {
        metric_add(sender->metrics, METRIC_SEND_FAILURE,
                   LABELS(channel, error_row(delivery->verdict.code)->name), 1);
    }
    if (state == STATE_QUEUED) {
        metric_add(sender->metrics, METRIC_RETRY, LABELS(channel), 1);
    } else if (state != STATE_SENT) {
        metric_add(sender->metrics, METRIC_DEAD_LETTER, LABELS(channel), 1);
    }
}

void deliver_stored(struct delivery *delivery, bool stored)
{
    if (stored) {
        count_end(delivery);
    }
    deliver_log_end(delivery, stored);
    attempt_end(delivery, stored);
    delivery_release(delivery);
}
