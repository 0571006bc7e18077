#include "metrics/watched.h"

#include "base/pg.h"
#include "base/watch.h"
#include "metrics/observe.h"

static void on_statement(void *arg, const struct pg_statement *statement, int64_t duration_us)
{
    metric_observe(arg, METRIC_DB_QUERY_DURATION, LABELS(statement->operation, statement->table),
                   (double)duration_us / 1e6);
}

static void on_connection(void *arg, int change)
{
    metric_add(arg, METRIC_DB_CONNECTIONS, NO_LABELS, change);
}

static void on_record_sent(void *arg, const char *topic, const char *error)
{
    metric_add(arg, METRIC_KAFKA_SENT,
               LABELS(metrics_intern(arg, topic), error ? metrics_intern(arg, error) : NULL), 1);
}

static void on_record_consumed(void *arg, const char *group_id, const char *topic)
{
    metric_add(arg, METRIC_KAFKA_CONSUMED, LABELS(metrics_intern(arg, group_id), metrics_intern(arg, topic)),
               1);
}

void metrics_watch(struct metrics *metrics, const char *role, const char *environment)
{
    observe_process(metrics);
    metric_set(metrics, METRIC_BUILD_INFO, LABELS(OUTBOUND_VERSION, role, environment), 1);
    metric_set(metrics, METRIC_DB_CONNECTIONS, NO_LABELS, 0);
    metric_add(metrics, METRIC_SPANS, LABELS("exported"), 0);
    metric_add(metrics, METRIC_SPANS, LABELS("dropped"), 0);
    watch_set(&(struct watch){.statement = on_statement,
                              .connection = on_connection,
                              .record_sent = on_record_sent,
                              .record_consumed = on_record_consumed,
                              .arg = metrics});
}

void metrics_unwatch(void)
{
    watch_set(NULL);
}

void metrics_count_expired_lease(struct metrics *metrics, const char *channel, const char *error_code,
                                 bool given_up)
{
    metric_add(metrics, METRIC_LEASES_EXPIRED, LABELS(channel), 1);
    metric_add(metrics, METRIC_SEND_FAILURE, LABELS(channel, error_code), 1);
    metric_add(metrics, given_up ? METRIC_DEAD_LETTER : METRIC_RETRY, LABELS(channel), 1);
}
