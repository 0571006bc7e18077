#include "metrics/exporter/pg_numbers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "schemas/channels.h"
#include "schemas/states.h"

static double pg_double(const PGresult *rows, int row, int column)
{
    return strtod(PQgetvalue(rows, row, column), NULL);
}

/* "queued" */
static const char *state_label(struct metrics *metrics, enum state state)
{
    char label[32];
    const char *name = state_name(state);
    const size_t length = strnlen(name, sizeof label - 1);
    for (size_t i = 0; i < length; i++) {
        label[i] = (char)tolower((unsigned char)name[i]);
    }
    label[length] = '\0';
    return metrics_intern(metrics, label);
}

/* Sums of the tally. A person may have inserted a channel that there is not: it counts where no channel is
 * named. */
struct sums {
    int64_t depth[CHANNEL_COUNT + 1][STATE_COUNT];
    int64_t attempted[CHANNEL_COUNT + 1];
    int64_t accepted[CHANNEL_COUNT + 1];
    int64_t archived;
    int64_t deleted;
    int64_t letters;
};

static void add(struct sums *sums, const PGresult *rows, int row)
{
    const char *what = PQgetvalue(rows, row, 0);
    const struct text channel_text = pg_text(rows, row, 1);
    const int64_t n = pg_int(rows, row, 4);
    enum channel channel;
    const size_t place =
        channel_find(channel_text.bytes, channel_text.length, &channel) ? (size_t)channel : CHANNEL_COUNT;
    enum state state;
    if (strcmp(what, "message") == 0 && state_find(pg_text(rows, row, 2), &state)) {
        sums->depth[place][state] += n;
        sums->attempted[place] += pg_int(rows, row, 3) ? n : 0;
    } else if (strcmp(what, "accepted") == 0) {
        sums->accepted[place] += n;
    } else if (strcmp(what, "archived") == 0) {
        sums->archived += n;
    } else if (strcmp(what, "deleted") == 0) {
        sums->deleted += n;
    } else if (strcmp(what, "letter") == 0) {
        sums->letters += n;
    }
}

static void show_tally(const PGresult *rows, struct metrics *metrics)
{
    struct sums sums = {0};
    for (int row = 0; row < PQntuples(rows); row++) {
        add(&sums, rows, row);
    }
    int64_t difference = -sums.archived - sums.deleted;
    for (size_t channel = 0; channel <= CHANNEL_COUNT; channel++) {
        difference += sums.accepted[channel];
    }
    for (size_t state = 0; state < STATE_COUNT; state++) {
        const char *label = state_label(metrics, (enum state)state);
        int64_t all = 0;
        for (size_t channel = 0; channel <= CHANNEL_COUNT; channel++) {
            all += sums.depth[channel][state];
            if (channel < CHANNEL_COUNT) {
                metric_set(metrics, METRIC_QUEUE_DEPTH_CHANNEL,
                           LABELS(channel_label((enum channel)channel), label),
                           (double)sums.depth[channel][state]);
            }
        }
        metric_set(metrics, METRIC_QUEUE_DEPTH, LABELS(label), (double)all);
        if (state == STATE_QUEUED) {
            metric_set(metrics, METRIC_TOTAL_QUEUED, NO_LABELS, (double)all);
        }
        difference -= all;
    }
    for (size_t channel = 0; channel < CHANNEL_COUNT; channel++) {
        const struct metric_labels labels = LABELS(channel_label((enum channel)channel));
        metric_set(metrics, METRIC_RETRY_COUNT, labels, (double)sums.attempted[channel]);
        metric_set(metrics, METRIC_ACCEPTED, labels, (double)sums.accepted[channel]);
    }
    metric_set(metrics, METRIC_ARCHIVED, NO_LABELS, (double)sums.archived);
    metric_set(metrics, METRIC_DLQ_SIZE, NO_LABELS, (double)sums.letters);
    metric_set(metrics, METRIC_CONSERVATION, NO_LABELS, (double)difference);
}

static void show_heads(const PGresult *rows, struct metrics *metrics)
{
    metric_set(metrics, METRIC_OLDEST_QUEUED, NO_LABELS, pg_double(rows, 0, 0));
    metric_set(metrics, METRIC_OLDEST_UNKNOWN, NO_LABELS, pg_double(rows, 0, 1));
    metric_set(metrics, METRIC_DLQ_OLDEST, NO_LABELS, pg_double(rows, 0, 2));
    metric_set(metrics, METRIC_OUTBOX_OLDEST, NO_LABELS, pg_double(rows, 0, 3));
    metric_set(metrics, METRIC_OUTBOX_ROWS, LABELS("message"), pg_double(rows, 0, 4));
    metric_set(metrics, METRIC_OUTBOX_ROWS, LABELS("event"), pg_double(rows, 0, 5));
}

/* Organisations come and go. */
static void show_quota(const PGresult *rows, int column, struct metrics *metrics, enum metric metric)
{
    metric_clear(metrics, metric);
    for (int row = 0; row < PQntuples(rows); row++) {
        const char *org_id = metric_intern(metrics, metric, PQgetvalue(rows, row, 0));
        metric_set(metrics, metric, LABELS(org_id), pg_double(rows, row, column));
    }
}

static void show_quotas(const PGresult *rows, struct metrics *metrics)
{
    show_quota(rows, 1, metrics, METRIC_QUOTA_USED);
    show_quota(rows, 2, metrics, METRIC_QUOTA_LIMIT);
    show_quota(rows, 3, metrics, METRIC_QUOTA_REMAINING);
}

/* clang-format off */

#define AGE(time) "greatest(extract(epoch FROM now() - (" time ")), 0)"
#define AT_MOST_10000(what, rows) "(SELECT least(coalesce(sum(n), 0), 10000)::int8 FROM (SELECT " what " AS n FROM " rows " LIMIT 10000) counted)"

const struct pg_number pg_numbers[] = {
    {.statement = {"tally",
                   "SELECT what, channel, status, attempted::int4, sum(n)::int8 FROM outbound_tally GROUP BY 1, 2, 3, 4",
                   "SELECT", "outbound_tally"},
     .show = show_tally,
     .metrics = {METRIC_QUEUE_DEPTH, METRIC_QUEUE_DEPTH_CHANNEL, METRIC_TOTAL_QUEUED, METRIC_RETRY_COUNT,
                 METRIC_ACCEPTED, METRIC_ARCHIVED, METRIC_DLQ_SIZE, METRIC_CONSERVATION, METRIC_COUNT}},
    /* UNKNOWN has no index by the time of its last change: of very many, the thousand that were accepted first. */
    {.statement = {"heads",
                   "SELECT " AGE("SELECT created_at FROM outbound_message WHERE status = 'QUEUED'"
                                 "  ORDER BY created_at LIMIT 1")
                   ", " AGE("SELECT min(updated_at) FROM (SELECT updated_at FROM outbound_message"
                            "  WHERE status = 'UNKNOWN' ORDER BY created_at LIMIT 1000) first")
                   ", " AGE("SELECT failed_at FROM outbound_dead_letter WHERE status = 'OPEN' ORDER BY id LIMIT 1")
                   ", " AGE("SELECT due_at FROM outbound_outbox ORDER BY due_at LIMIT 1")
                   ", " AT_MOST_10000("1", "outbound_outbox WHERE due_at <= now()")
                   ", " AT_MOST_10000("count", "outbound_event_outbox WHERE written_at < now() - interval '10 s'"),
                   "SELECT", "outbound_message"},
     .show = show_heads,
     .metrics = {METRIC_OLDEST_QUEUED, METRIC_OLDEST_UNKNOWN, METRIC_DLQ_OLDEST, METRIC_OUTBOX_OLDEST,
                 METRIC_OUTBOX_ROWS, METRIC_COUNT}},
    /* A period that is over has used nothing yet. */
    {.statement = {"quotas",
                   "SELECT org_id, used, quota_limit, greatest(quota_limit - used, 0)"
                   "  FROM (SELECT org_id, quota_limit,"
                   "               CASE WHEN reset_at > now() THEN messages_sent_count ELSE 0 END AS used"
                   "        FROM whatsapp_rate_limit) q"
                   "  ORDER BY used / greatest(quota_limit, 1)::float8 DESC, org_id LIMIT 50",
                   "SELECT", "whatsapp_rate_limit"},
     .show = show_quotas,
     .metrics = {METRIC_QUOTA_USED, METRIC_QUOTA_LIMIT, METRIC_QUOTA_REMAINING, METRIC_COUNT}},
};

const size_t pg_number_count = COUNT_OF(pg_numbers);
