/*
 * A sender that was killed comes back under its name, and knows that nobody works on what it had claimed: it
 * need not wait for the leases to run out. What follows is the same: the attempt counts as one of which
 * nobody knows the end.
 */
#include <string.h>

#include "base/log.h"
#include "schemas/lifecycle.h"
#include "senders/sender.h"

#define PARAMS_MAX 4096

/* Lost: it is sent again, before anything is claimed. Refused: then after their leases, as those of
 * strangers. */
static void on_ended(void *arg, struct pg_reply *reply)
{
    struct sender *sender = arg;
    sender->inheriting = false;
    sender->inherited = reply->outcome != PG_LOST;
    if (reply->outcome == PG_REFUSED) {
        log_error("claims of the sender that had this name before cannot be ended: %s", reply->message);
    } else if (reply->outcome == PG_DONE && strcmp(PQcmdTuples(reply->rows), "0") != 0) {
        log_warn("the sender that had this name before left %s messages in SENDING",
                 PQcmdTuples(reply->rows));
        leases_sweep(&sender->leases);
    }
    claim_start(sender);
}

void inherit_start(struct sender *sender)
{
    const char *name = config_instance_id(sender->config);
    if (sender->inherited || sender->inheriting || !*name) {
        return;
    }
    struct pg_params params;
    pg_params_init(&params, PARAMS_MAX);
    pg_param_text(&params, channel_name(sender->channel));
    pg_param_text(&params, name);
    sender->inheriting = pg_call(sender->finish_pg, &lifecycle_end_leases, &params, on_ended, sender);
    pg_params_release(&params);
}

bool inherit_is_done(const struct sender *sender)
{
    return sender->inherited || !*config_instance_id(sender->config);
}
