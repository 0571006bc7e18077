/*
 * kafka_view.h - what the exporter knows of a cluster: topics, their partitions, groups and what they
 * committed.
 *
 * It lives from collection to collection: kafka_ask.c brings it up to date, kafka_lag.c and kafka_retry.c
 * draw the conclusions, kafka_render.c writes it down. What Kafka no longer has goes away.
 */
#ifndef METRICS_EXPORTER_KAFKA_VIEW_H
#define METRICS_EXPORTER_KAFKA_VIEW_H

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "metrics/exporter/commit_log.h"
#include "metrics/exporter/record_times.h"

#define NOT_KNOWN (-1)

struct partition {
    int64_t start; /* NOT_KNOWN: nobody could tell */
    int64_t end;
    bool led; /* there is a broker to ask */
    struct record_times times;
};

struct kafka_topic {
    char *name;
    char *label;              /* topic="…", escaped */
    rd_kafka_topic_t *handle; /* the reader's; NULL: it has not read here yet */
    struct partition *partitions;
    int32_t partition_count;
    int64_t retention_ms;   /* NOT_KNOWN: none, or Kafka does not tell us */
    int64_t retry_delay_ms; /* of a retry tier; else 0 */
    struct {
        int64_t waiting;
        int64_t overdue;
        int64_t overdue_ms;
        bool known;
    } retry;
    bool configured; /* retention_ms and compacted have been asked for */
    bool compacted;
    bool found; /* by this collection */
};

/* A group's place in a partition. */
struct position {
    struct kafka_topic *topic;
    int32_t partition;
    int64_t committed;
    int64_t committed_before; /* at the look before this one */
    int64_t lag;              /* NOT_KNOWN: the end is not */
    int64_t age_ms;           /* of the oldest record that is not committed; NOT_KNOWN: not yet */
    int64_t lost;             /* records deleted before they were committed, ever */
    int64_t counted_to;       /* below this offset all that was lost is counted; NOT_KNOWN: up to the start */
    char *labels;             /* {group="…",topic="…",partition="…"} and a blank */
    size_t labels_length;
    bool counts;    /* `committed` does (base/kafka_lost.h); else the group will begin at the start */
    bool zero_read; /* a scrape has read `lost` as 0, which it is shown as until then: see below */
    bool found;
};

/*
 * Prometheus sees how much a series grows from its first sample on, not what that one starts with: a loss
 * that was there before a series was would be one that nobody hears of.
 */

struct group {
    char *name;
    char *label;
    struct position *positions;
    size_t position_count;
    rd_kafka_consumer_group_state_t state;
    int64_t members;  /* NOT_KNOWN: Kafka does not tell us */
    int64_t asked_ms; /* for what it has committed, monotonic; 0: it is to be asked in any case */
    bool ours;        /* what it commits says which losses of the topic it knows of */
    bool quiet;       /* by the commit log, at its last look */
    bool to_ask;      /* by this collection */
    bool moved;       /* it stood elsewhere when it was asked last */
    bool found;
};

struct kafka_view {
    int broker_count;
    struct kafka_topic **topics; /* by name */
    size_t topic_count;
    struct group **groups; /* by name */
    size_t group_count;
    struct commit_log commits;
    json_t *lost;        /* topics that were lost once (base/kafka_lost.h); NULL: nobody has told yet */
    bool topics_changed; /* or what is lost of them, since the groups were asked: they have to be, again */
    bool was_read;       /* a scrape has read what was last written of it */
    int64_t starts_asked_ms; /* monotonic */
    int64_t now_ms;          /* when the ends were asked for: ages are as of then */
};

void kafka_view_release(struct kafka_view *view);

/* NULL when there is none. */
struct kafka_topic *kafka_view_topic(const struct kafka_view *view, const char *name);
struct group *kafka_view_group(const struct kafka_view *view, const char *name);

/* One that is there, or a new one; `found` is set. A topic that has other partitions than before begins anew.
 */
struct kafka_topic *kafka_view_found_topic(struct kafka_view *view, const char *name,
                                           int32_t partition_count);
struct group *kafka_view_found_group(struct kafka_view *view, const char *name);

/* Takes a share in `lost`; NULL changes nothing. */
void kafka_view_set_lost(struct kafka_view *view, json_t *lost);

/*
 * Takes away what was not found since the last sweep. `all_groups`: all that there are were listed; else one
 * that was not found stays.
 */
void kafka_view_sweep(struct kafka_view *view, bool all_groups);

/*
 * What a group has committed: `begin`, one call for each partition, `end`. A partition that is not told of
 * any more goes away. Order and number are as Kafka has them, which seldom change: `*hint` makes use of that.
 */
void group_positions_begin(struct group *group, size_t *hint);
void group_position_found(struct group *group, size_t *hint, struct kafka_topic *topic, int32_t partition,
                          int64_t committed, bool counts);
void group_positions_end(struct group *group);

static inline struct partition *position_partition(const struct position *position)
{
    return &position->topic->partitions[position->partition];
}

/* Where the group goes on; only where the start is known. */
static inline int64_t position_place(const struct position *position)
{
    return position->counts ? position->committed : position_partition(position)->start;
}

/* name="value" as the text format of Prometheus escapes it; free() it. */
char *label_text(const char *name, const char *value);

#endif
