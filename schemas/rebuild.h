/*
 * rebuild.h - Kafka came back without what was in it: every unfinished message is published again.
 *
 * The row of outbound_kafka (0008_rebuild.sql) is the whole state of it:
 *
 *   noticed    a producer compares Kafka with the row each second (producer/rebuild.c)
 *   begun      rebuild_begin: `rebuilds` rises, and `lost` says which topics it is about. Each process sees
 *              that within a second (rebuild_watch) and replaces its Kafka clients, which know the old
 *              topics' positions and producer ids
 *   settled    REBUILD_SETTLE_MS later they have done so. A record that was acknowledged or passed over in
 *              error until then belongs to a message that is still QUEUED, and so comes again
 *   walked     rebuild_step, batch by batch: a new outbox row for each unfinished message, which no
 *              acknowledgement of the old cluster can delete. The relays do the rest. A step is one
 * transaction with its place in the row: whoever goes on after a kill goes on from there
 *
 * A message that is published without need does no harm: its record's claim finds nothing.
 */
#ifndef SCHEMAS_REBUILD_H
#define SCHEMAS_REBUILD_H

#include <jansson.h>
#include <uv.h>

#include "base/pg.h"

#define REBUILD_LOOK_MS 1000
#define REBUILD_SETTLE_MS 3000

/*
 * The row, and whether this session is the one that looks at Kafka and rebuilds: one of all sessions at a
 * time, until it ends or is silent for long.
 */
extern const struct pg_statement rebuild_read;
enum {
    REBUILD_COUNT,      /* `rebuilds` */
    REBUILD_CLUSTER_ID, /* NULL: no cluster has been seen yet */
    REBUILD_ENDS,
    REBUILD_GOES_ON,
    REBUILD_SETTLED,
    REBUILD_IS_OURS
};

/* Records what was seen, or begins; neither when `rebuilds` has risen since it was read. */
extern const struct pg_statement rebuild_record;
extern const struct pg_statement rebuild_begin;

/* The next batch: (outbox rows made, messages looked at, 1: more is to come, 0: that was all, -1: it is
 * over). */
extern const struct pg_statement rebuild_step;
enum { REBUILD_PUBLISHED, REBUILD_LOOKED_AT, REBUILD_MORE };

/* Tells a process that has Kafka clients what they have to know. */
struct rebuild_watch;

struct rebuild_news {
    int64_t rebuilds; /* begun so far */
    bool first;       /* how it was when the process began; else one has begun: clients have to be replaced */
    json_t *lost; /* which of them found a topic's records lost last: {"outbound.dlq": 3}; "*": all topics */
};

/* `pg` is the owner's, who closes it first. `on_rebuild` is called once the row has been read, then for each
 * rebuild that begins. */
struct rebuild_watch *rebuild_watch_open(uv_loop_t *loop, struct pg *pg,
                                         void (*on_rebuild)(void *arg, const struct rebuild_news *news),
                                         void *arg);

/* NULL is fine. */
void rebuild_watch_close(struct rebuild_watch *watch);

#endif
