/*
 * A message that is QUEUED for hours without an outbox row has a record in Kafka, or had one: retention,
 * a power cut of a single broker or a topic made anew take records away. It is announced again.
 */
#include <string.h>

#include "base/log.h"
#include "schemas/lifecycle.h"
#include "schemas/topics.h"
#include "senders/sender.h"

#define ROWS_MAX 500

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

void republish_start(struct sender *sender)
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
