#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail_point.h"
#include "base/log.h"
#include "schemas/events.h"
#include "schemas/lifecycle.h"
#include "schemas/topics.h"
#include "senders/columns.h"
#include "senders/sender.h"

/* Of ends there may be fewer statements than of claims: the message is with the provider. But with every
 * place taken, the next messages wait for those that have ended. */
#define FINISH_ITEM_US 5000
#define FINISH_ITEM_FULL_US 500

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static void put_fence(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_int4(params, delivery->message.attempt_no);
}

static void put_state(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_text(params, state_name(delivery->decision.state));
}

static void put_outcome(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_text(params, delivery->decision.outcome);
}

static void put_error_code(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_text(params, error_row(delivery->verdict.code)->name);
}

static void put_error_message(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_text(params, or_null(delivery->verdict.text));
}

static void put_provider(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_text(params, delivery->sender->provider->name);
}

static void put_provider_message_id(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_text(params, or_null(delivery->verdict.provider_message_id));
}

static void put_http_status(struct pg_params *params, const struct delivery *delivery)
{
    if (delivery->verdict.http_status) {
        pg_array_int4(params, delivery->verdict.http_status);
    } else {
        pg_array_null(params);
    }
}

static void put_duration(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_int8(params, delivery->duration_us);
}

static void put_delay(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_int8(params, delivery->decision.wait.delay_ms);
}

static void put_next_topic(struct pg_params *params, const struct delivery *delivery)
{
    const struct decision *decision = &delivery->decision;
    pg_array_text(params, decision->state == STATE_QUEUED ? decision->wait.topic
                          : decision->state == STATE_SENT ? NULL
                                                          : topic_name(TOPIC_DLQ));
}

static void put_hold(struct pg_params *params, const struct delivery *delivery)
{
    pg_array_int8(params, delivery->decision.wait.hold_ms);
}

/* The parameters of lifecycle_finish, in its order. */
static const struct column columns[] = {
    {PG_UUID, column_put_id},   {PG_INT4, put_fence},
    {PG_TEXT, put_state},       {PG_TEXT, put_outcome},
    {PG_TEXT, put_error_code},  {PG_TEXT, put_error_message},
    {PG_TEXT, put_provider},    {PG_TEXT, put_provider_message_id},
    {PG_INT4, put_http_status}, {PG_INT8, put_duration},
    {PG_INT8, put_delay},       {PG_TEXT, put_next_topic},
    {PG_INT8, put_hold},
};

static void finish_params(struct sender *sender)
{
    struct pg_params *params = &sender->finish_params;
    pg_params_clear(params);
    columns_add(params, columns, COUNT_OF(columns), &sender->finishing);
    events_param(sender->config, params);
}

static void give_back(struct sender *sender)
{
    delivery_list_move(&sender->finished, &sender->finishing);
    delivery_list_move(&sender->finishing, &sender->finished);
}

/* Classes 22 and 23 of SQLSTATE: it is what we sent; anything else passes. */
static bool blames_the_data(const struct pg_reply *reply)
{
    return strncmp(reply->sqlstate, "22", 2) == 0 || strncmp(reply->sqlstate, "23", 2) == 0;
}

/*
 * An answer of a provider is not given up because the database cannot take it now: it is tried again with the
 * next that ends, or the next tick. Only if something in the batch is to blame, one by one tells which; that
 * one goes without the provider's texts, and if even that is refused, it is left to its lease, which ends as
 * UNKNOWN.
 */
static void batch_refused(struct sender *sender, const struct pg_reply *reply)
{
    log_error("the end of %zu attempts cannot be stored (%s): %s", sender->finishing.count, reply->sqlstate,
              reply->message);
    struct delivery *first = sender->finishing.first;
    if (!blames_the_data(reply)) {
        give_back(sender);
    } else if (sender->finishing.count > 1) {
        sender->finish_limit = 1;
        give_back(sender);
    } else if (*first->verdict.text || *first->verdict.provider_message_id) {
        first->verdict.text[0] = '\0';
        first->verdict.provider_message_id[0] = '\0';
        give_back(sender);
    } else {
        delivery_release(delivery_list_pop(&sender->finishing));
    }
}

/* The rows are the positions of those that were stored; the others had been claimed anew or settled
 * meanwhile. */
static void settle(struct sender *sender, const PGresult *rows)
{
    int row = 0;
    for (int64_t position = 1; sender->finishing.count > 0; position++) {
        const bool stored = row < PQntuples(rows) && pg_int(rows, row, 0) == position;
        row += stored;
        deliver_stored(delivery_list_pop(&sender->finishing), stored);
    }
}

static void on_finished(void *arg, struct pg_reply *reply)
{
    struct sender *sender = arg;
    switch (reply->outcome) {
    case PG_DONE:
        FAIL_POINT("sender.finished");
        sender->finish_limit = (size_t)sender->config->worker_batch_size;
        settle(sender, reply->rows);
        break;
    case PG_REFUSED:
        batch_refused(sender, reply);
        break;
    case PG_LOST:
        /* Stored or not: storing it again does no harm, the fence sees to it. */
        give_back(sender);
        break;
    }
    const bool blamed = reply->outcome == PG_REFUSED && blames_the_data(reply);
    if (reply->outcome == PG_DONE || blamed) {
        finish_start(sender); /* otherwise the tick does */
    }
    deliver_take(sender);
}

/* Not for those that cannot come: the batch is full, or all places are taken by what has ended. */
static bool waits_for_more(struct sender *sender)
{
    const size_t count = sender->finished.count;
    const bool all = count == sender->in_flight && intake_is_full(sender);
    return count < sender->finish_limit && !all && deliver_soon(sender, &sender->finish_pace);
}

void finish_start(struct sender *sender)
{
    if (sender->finishing.count > 0 || sender->finished.count == 0 || !pg_is_up(sender->finish_pg) ||
        waits_for_more(sender)) {
        return;
    }
    while (sender->finished.count > 0 && sender->finishing.count < sender->finish_limit) {
        delivery_list_push(&sender->finishing, delivery_list_pop(&sender->finished));
    }
    finish_params(sender);
    if (!pg_call(sender->finish_pg, &lifecycle_finish, &sender->finish_params, on_finished, sender)) {
        give_back(sender);
        return;
    }
    pace_begin(&sender->finish_pace, clock_monotonic_us(), sender->finishing.count,
               intake_is_full(sender) ? FINISH_ITEM_FULL_US : FINISH_ITEM_US);
    FAIL_POINT("sender.finish_sent");
}
