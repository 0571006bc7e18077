/*
 * groups.h - how kafka.c, groups.c and librdkafka.c see each other: members of groups.
 */
#ifndef MODEL_GROUPS_H
#define MODEL_GROUPS_H

#include <librdkafka/rdkafka.h>

#include "base/kafka_queue.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

#define ASSIGNED_MAX (TOPICS_MAX * PARTITIONS)

struct group {
    char id[64];
    unsigned generation;
    bool rebalancing;
};

enum pending { NOTHING, REVOKE, ASSIGN };

struct assigned {
    struct topic_log *topic;
    int32_t partition;
    int64_t position; /* the next to be fetched */
    bool paused;
};

struct rd_kafka_conf_s {
    char group_id[64];
    void (*rebalance)(rd_kafka_t *kafka, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *list,
                      void *opaque);
    void *opaque;
};

/* A member of a group. It outlives its process, as the cluster does not know of its end. */
struct rd_kafka_s {
    struct process *process;
    unsigned life;
    struct rd_kafka_conf_s conf;
    struct group *group;
    char subscription[64]; /* a topic, or the pattern of the tiers */
    bool is_member;
    unsigned generation; /* of the group, that its assignment is from */
    bool joined;         /* has given everything back and waits for the new assignment */
    enum pending pending;
    bool lost;                           /* its assignment went to others without it being asked */
    struct assigned dealt[ASSIGNED_MAX]; /* with ASSIGN */
    size_t dealt_count;
    struct assigned assigned[ASSIGNED_MAX];
    size_t assigned_count;
    size_t next; /* which partition is fetched first */
    struct kafka_queue *watch;
    bool wake_is_due;
    rd_kafka_topic_partition_list_t **commit; /* the answer to it is on its way; at it NULL: none */
    rd_kafka_resp_err_t commit_failure;
    bool leaving;
};

/* One that has not joined; it lives as long as the schedule. */
struct rd_kafka_s *member_new(struct process *process, const struct rd_kafka_conf_s *conf);
void member_join(struct rd_kafka_s *member);
/* It has given everything back and waits for the next assignment. */
void member_is_ready(struct rd_kafka_s *member);
void member_leave(struct rd_kafka_s *member);

/* Tells its process, in a moment, that there is something to poll. */
void member_wake(struct rd_kafka_s *member);
void members_wake(const struct topic_log *topic); /* those that read it; NULL: all */

/* False: it is not taken. */
bool member_commit(struct rd_kafka_s *member, const rd_kafka_topic_partition_list_t *list);

/* A client that is not used any more, and did not leave. */
void member_is_left(struct rd_kafka_s *member);

void groups_reset(void);
void groups_end(void); /* nobody is a member any more */

#endif
