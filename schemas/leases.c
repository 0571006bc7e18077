#include "schemas/leases.h"

#include <string.h>

#include "base/fail_point.h"
#include "base/log.h"
#include "schemas/errors.h"
#include "schemas/events.h"
#include "schemas/lifecycle.h"
#include "schemas/message_log.h"
#include "schemas/states.h"
#include "schemas/topics.h"

#define ROWS_MAX 500
#define PARAMS_MAX 4096

/* The columns of lifecycle_expire_leases. */
enum { COLUMN_ID, COLUMN_STATUS, COLUMN_CHANNEL, COLUMN_CORRELATION_ID, COLUMN_ORG };

static void settled(const struct leases *leases, const PGresult *rows, int row)
{
    const char *name = PQgetvalue(rows, row, COLUMN_CHANNEL);
    const struct log_field fields[] = {{"correlationId", PQgetvalue(rows, row, COLUMN_CORRELATION_ID)},
                                       {"orgId", PQgetvalue(rows, row, COLUMN_ORG)},
                                       {"messageId", PQgetvalue(rows, row, COLUMN_ID)},
                                       {"channel", name},
                                       {"errorCode", error_row(ERROR_LEASE_EXPIRED)->name},
                                       {NULL, NULL}};
    if (message_log_wants(leases->config, LOG_WARN, false)) {
        log_write(LOG_WARN, fields, "its sender did not finish it within the lease: %s",
                  PQgetvalue(rows, row, COLUMN_STATUS));
    }
    enum channel channel;
    if (channel_find(name, strlen(name), &channel)) {
        enum state state;
        if (state_find(pg_text(rows, row, COLUMN_STATUS), &state)) {
            leases->on_expired(leases->arg, channel, state);
        }
    }
}

static void on_swept(void *arg, struct pg_reply *reply)
{
    struct leases *leases = arg;
    leases->sweeping = false;
    if (reply->outcome == PG_REFUSED) {
        log_error("expired leases cannot be settled: %s", reply->message);
    }
    if (reply->outcome != PG_DONE) {
        return;
    }
    const int count = PQntuples(reply->rows);
    if (count > 0) {
        FAIL_POINT("leases.swept");
    }
    for (int row = 0; row < count; row++) {
        settled(leases, reply->rows, row);
    }
    if (count == ROWS_MAX) {
        leases_sweep(leases);
    }
}

void leases_sweep(struct leases *leases)
{
    if (leases->sweeping) {
        return;
    }
    struct pg_params params;
    pg_params_init(&params, PARAMS_MAX);
    pg_param_int8(&params, ROWS_MAX);
    pg_param_int8(&params, config_retry_delay_ms(leases->config, 1));
    pg_param_text(&params, topic_name(TOPIC_ACCEPTED));
    pg_param_text(&params, topic_name(TOPIC_DLQ));
    pg_param_text(&params, error_row(ERROR_LEASE_EXPIRED)->name);
    pg_param_text(&params, error_row(ERROR_LEASE_EXPIRED)->help);
    events_param(leases->config, &params);
    leases->sweeping = pg_call(leases->pg, &lifecycle_expire_leases, &params, on_swept, leases);
    FAIL_POINT("leases.sweeping");
    pg_params_release(&params);
}
