#include <stdlib.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "base/memory.h"
#include "schemas/events.h"
#include "schemas/lifecycle.h"
#include "schemas/topics.h"
#include "senders/columns.h"
#include "senders/sender.h"

#define CLAIM_AGAIN_MS 100
#define CLAIM_ITEM_US 500 /* the message waits, too */

/* The columns of lifecycle_claim. */
enum {
    COLUMN_POSITION,
    COLUMN_FENCE,
    COLUMN_ATTEMPT_COUNT,
    COLUMN_MAX_ATTEMPTS,
    COLUMN_ORG,
    COLUMN_TO,
    COLUMN_TEMPLATE,
    COLUMN_SUBJECT,
    COLUMN_PAYLOAD,
    COLUMN_CORRELATION_ID,
    COLUMN_AGE_US,
    COLUMN_TRACEPARENT,
    COLUMN_TRACESTATE,
    COLUMN_EXPIRED
};

static void take_row(struct delivery *delivery, struct claim *claim, int row)
{
    const PGresult *rows = claim->rows;
    delivery->claim = claim;
    claim->users++;
    delivery->age_us = pg_int(rows, row, COLUMN_AGE_US);
    delivery->message = (struct message){
        .id = delivery->id,
        .attempt_no = (int32_t)pg_int(rows, row, COLUMN_FENCE),
        .attempt_count = (int32_t)pg_int(rows, row, COLUMN_ATTEMPT_COUNT),
        .max_attempts = (int32_t)pg_int(rows, row, COLUMN_MAX_ATTEMPTS),
        .org_id = PQgetvalue(rows, row, COLUMN_ORG),
        .to = PQgetvalue(rows, row, COLUMN_TO),
        .template_code = PQgetvalue(rows, row, COLUMN_TEMPLATE),
        .subject = pg_string(rows, row, COLUMN_SUBJECT),
        .payload = PQgetvalue(rows, row, COLUMN_PAYLOAD),
        .correlation_id = PQgetvalue(rows, row, COLUMN_CORRELATION_ID),
    };
    attempt_begin(delivery, pg_text(rows, row, COLUMN_TRACEPARENT), pg_text(rows, row, COLUMN_TRACESTATE));
}

static void claim_unref(struct claim *claim)
{
    if (--claim->users == 0) {
        PQclear(claim->rows);
        free(claim);
    }
}

void claim_leave(struct delivery *delivery)
{
    if (delivery->claim) {
        claim_unref(delivery->claim);
        delivery->claim = NULL;
    }
}

/* Rows come in any order; each names the position of its message in the batch, from 1. */
static void batch_claimed(struct sender *sender, struct pg_reply *reply, int64_t sent_us)
{
    struct claim *claim = NEW(struct claim);
    *claim = (struct claim){
        .rows = reply->rows, .users = 1, .sent_us = sent_us, .answered_us = clock_monotonic_us()};
    reply->rows = NULL;
    const size_t count = sender->claiming.count;
    struct span_links links;
    links.count = 0;
    int *row_of = NEW_ARRAY(int, count + 1);
    for (int row = 0; row < PQntuples(claim->rows); row++) {
        row_of[pg_int(claim->rows, row, COLUMN_POSITION)] = row + 1;
    }
    for (size_t position = 1; position <= count; position++) {
        struct delivery *delivery = delivery_list_pop(&sender->claiming);
        if (!row_of[position]) {
            deliver_skipped(delivery);
        } else if (pg_int(claim->rows, row_of[position] - 1, COLUMN_EXPIRED)) {
            deliver_log_expired(delivery, pg_text(claim->rows, row_of[position] - 1, COLUMN_CORRELATION_ID),
                                pg_text(claim->rows, row_of[position] - 1, COLUMN_ORG));
            deliver_expired(delivery);
        } else {
            take_row(delivery, claim, row_of[position] - 1);
            attempt_link(delivery, &links);
            deliver_claimed(delivery);
        }
    }
    span_of_statement(sender->tracer, &links, sent_us, &lifecycle_claim, count);
    free(row_of);
    claim_unref(claim);
}

struct claim_call {
    struct sender *sender;
    int64_t sent_us;
};

static void on_claimed(void *arg, struct pg_reply *reply)
{
    struct claim_call *call = arg;
    struct sender *sender = call->sender;
    if (reply->outcome == PG_DONE) {
        FAIL_POINT("sender.claimed");
        batch_claimed(sender, reply, call->sent_us);
    } else {
        /*
         * Lost: it may have been committed all the same. Then claiming again finds nothing, and the lease
         * runs out: nothing was sent, but it is treated as if something could have been.
         */
        if (reply->outcome == PG_REFUSED) {
            log_error("messages cannot be claimed (%s): %s", reply->sqlstate, reply->message);
        }
        delivery_list_move(&sender->claiming, &sender->unclaimed);
        sender->claim_again_ms = clock_monotonic_ms() + CLAIM_AGAIN_MS;
    }
    free(call);
    deliver_take(sender);
}

static void put_generation(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_int4(params, delivery->generation);
}

static void put_fence(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_int4(params, delivery->fence);
}

/* $1 to $3 of lifecycle_claim. */
static const struct column columns[] = {
    {PG_UUID, column_put_id}, {PG_INT4, put_generation}, {PG_INT4, put_fence}};

/* Not for those that cannot come. */
static bool waits_for_more(struct sender *sender)
{
    const bool full =
        sender->unclaimed.count >= (size_t)sender->config->worker_batch_size || intake_is_full(sender);
    return !full && deliver_soon(sender, &sender->claim_pace);
}

void claim_start(struct sender *sender)
{
    if (!inherit_is_done(sender) || sender->claiming.count > 0 || sender->unclaimed.count == 0 ||
        !pg_is_up(sender->claim_pg) || clock_monotonic_ms() < sender->claim_again_ms ||
        waits_for_more(sender)) {
        return;
    }
    const char *name = config_instance_id(sender->config);
    struct pg_params *params = &sender->claim_params;
    pg_params_clear(params);
    columns_add(params, columns, COUNT_OF(columns), &sender->unclaimed);
    pg_param_int8(params, sender->config->sender_lease_ms);
    pg_param_text(params, topic_name(TOPIC_DLQ));
    pg_param_text(params, config_unknown_policy(sender->config, sender->channel));
    events_param(sender->config, params);
    pg_param_text(params, *name ? name : NULL);

    struct claim_call *call = NEW(struct claim_call);
    *call = (struct claim_call){sender, clock_monotonic_us()};
    if (pg_call(sender->claim_pg, &lifecycle_claim, params, on_claimed, call)) {
        pace_begin(&sender->claim_pace, call->sent_us, sender->unclaimed.count, CLAIM_ITEM_US);
        sender->claims++;
        delivery_list_move(&sender->unclaimed, &sender->claiming);
        FAIL_POINT("sender.claim_sent");
    } else {
        free(call);
    }
}
