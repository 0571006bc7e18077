/*
 * A claim whose lease is over belongs to a sender that died, hangs, or lost its way to the database. Any
 * sender of the channel settles it: whether a request went out is not known, and the channel's setting says
 * what follows.
 *
 * And a message that is QUEUED for hours without an outbox row has a record in Kafka, or had one: retention,
 * a power cut of a single broker or a topic made anew take records away. It is announced again.
 */
#include <string.h>

#include "base/log.h"
#include "schemas/lifecycle.h"
#include "schemas/topics.h"
#include "senders/sender.h"

#define ROWS_MAX 500

static void log_expired(const struct sender *sender, const PGresult *rows, int row)
{
    const struct log_field fields[] = {{"correlationId", PQgetvalue(rows, row, 2)},
                                       {"messageId", PQgetvalue(rows, row, 0)},
                                       {"channel", channel_name(sender->channel)},
                                       {NULL, NULL}};
    log_write(LOG_WARN, fields, "its sender did not finish it within the lease: %s",
              PQgetvalue(rows, row, 1));
}

static void on_swept(void *arg, struct pg_reply *reply)
{
    struct sender *sender = arg;
    sender->sweeping = false;
    if (reply->outcome == PG_REFUSED) {
        log_error("expired leases cannot be settled: %s", reply->message);
    }
    if (reply->outcome != PG_DONE) {
        return;
    }
    const int count = PQntuples(reply->rows);
    metric_add(sender->metrics, METRIC_LEASES_EXPIRED, LABELS(sender->channel_label), count);
    for (int row = 0; row < count; row++) {
        log_expired(sender, reply->rows, row);
    }
    if (count == ROWS_MAX) {
        leases_sweep(sender);
    }
}

static void on_republished(void *arg, struct pg_reply *reply)
{
    struct sender *sender = arg;
    sender->republishing = false;
    const char *count = reply->outcome == PG_DONE ? PQcmdTuples(reply->rows) : "0";
    if (reply->outcome == PG_REFUSED) {
        log_error("messages that wait for long cannot be announced again: %s", reply->message);
    } else if (strcmp(count, "0") != 0) {
        log_warn("%s messages waited for long without a record in sight: announced again", count);
    }
}

void leases_republish(struct sender *sender)
{
    if (sender->republishing) {
        return;
    }
    struct pg_params params;
    pg_params_init(&params, 4096);
    pg_param_text(&params, channel_name(sender->channel));
    pg_param_int8(&params, sender->config->republish_after_ms);
    pg_param_int8(&params, ROWS_MAX);
    pg_param_text(&params, topic_name(TOPIC_ACCEPTED));
    sender->republishing = pg_call(sender->finish_pg, &lifecycle_republish, &params, on_republished, sender);
    pg_params_release(&params);
}

void leases_sweep(struct sender *sender)
{
    if (sender->sweeping) {
        return;
    }
    struct pg_params params;
    pg_params_init(&params, 4096);
    pg_param_text(&params, channel_name(sender->channel));
    pg_param_text(&params, config_unknown_policy(sender->config, sender->channel));
    pg_param_int8(&params, ROWS_MAX);
    pg_param_int8(&params, config_retry_delay_ms(sender->config, 1));
    pg_param_text(&params, topic_name(TOPIC_ACCEPTED));
    pg_param_text(&params, topic_name(TOPIC_DLQ));
    pg_param_text(&params, error_row(ERROR_LEASE_EXPIRED)->name);
    pg_param_text(&params, error_row(ERROR_LEASE_EXPIRED)->help);
    sender->sweeping = pg_call(sender->finish_pg, &lifecycle_expire_leases, &params, on_swept, sender);
    pg_params_release(&params);
}
