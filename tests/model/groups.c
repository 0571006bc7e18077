/*
 * Consumer groups, whose partitions go from one member to the other.
 *
 * A group rebalances as librdkafka's eager protocol does: all members give everything back, each when it next
 * polls, then all is dealt out anew. Who is silent for a session is put out of the group and learns it late.
 */
#include "tests/model/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/tiers.h"
#include "tests/model/invariants.h"

#define GROUPS_MAX 8
#define MEMBERS_MAX 512
#define LEFT_FOR_US (5 * SECOND)

static struct group groups[GROUPS_MAX];
static size_t group_count;
static struct rd_kafka_s *members[MEMBERS_MAX];
static size_t member_count;
static rd_kafka_topic_partition_list_t *commits[MEMBERS_MAX]; /* librdkafka's own memory, not the world's */

void groups_reset(void)
{
    for (size_t i = 0; i < member_count; i++) {
        if (commits[i]) {
            rd_kafka_topic_partition_list_destroy(commits[i]);
            commits[i] = NULL;
        }
    }
    group_count = 0;
    member_count = 0;
}

static bool reads(const struct rd_kafka_s *member, const struct topic_log *topic)
{
    return *member->subscription == '^' ? tier_topic(topic->name)
                                        : strcmp(member->subscription, topic->name) == 0;
}

static struct group *group_of(const char *id)
{
    for (size_t i = 0; i < group_count; i++) {
        if (strcmp(groups[i].id, id) == 0) {
            return &groups[i];
        }
    }
    if (group_count == GROUPS_MAX) {
        abort();
    }
    struct group *group = &groups[group_count++];
    *group = (struct group){0};
    (void)snprintf(group->id, sizeof group->id, "%s", id);
    return group;
}

static bool is_alive(const struct rd_kafka_s *member)
{
    return process_life(member->process) == member->life;
}

static void on_wake(void *arg)
{
    struct rd_kafka_s *member = arg;
    member->wake_is_due = false;
    if (member->watch) {
        member->watch->wake(member->watch->arg);
    }
}

void member_wake(struct rd_kafka_s *member)
{
    if (!member->wake_is_due && is_alive(member)) {
        member->wake_is_due = true;
        event_at(member->process, world_now_us() + between(100, 5 * MS), on_wake, member);
    }
}

struct rd_kafka_s *member_new(struct process *process, const struct rd_kafka_conf_s *conf)
{
    if (member_count == MEMBERS_MAX) {
        abort();
    }
    struct rd_kafka_s *member = WORLD_NEW(struct rd_kafka_s);
    member->process = process;
    member->life = process_life(process);
    member->conf = *conf;
    member->commit = &commits[member_count];
    member->group = group_of(conf->group_id);
    return members[member_count++] = member;
}

void members_wake(const struct topic_log *topic)
{
    for (size_t i = 0; i < member_count; i++) {
        if (!topic || (members[i]->is_member && reads(members[i], topic))) {
            member_wake(members[i]);
        }
    }
}

/* Deals all partitions of a group's topics out, when all of its members have joined. */
static void complete(struct group *group)
{
    struct rd_kafka_s *joined[MEMBERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < member_count; i++) {
        if (members[i]->group == group && members[i]->is_member) {
            if (!members[i]->joined) {
                return;
            }
            members[i]->dealt_count = 0;
            joined[count++] = members[i];
        }
    }
    group->rebalancing = false;
    group->generation++;
    size_t turn = chance(count ? count : 1);
    for (size_t i = 0; i < kafka_topic_count() && count > 0; i++) {
        for (int32_t partition = 0; partition < PARTITIONS && reads(joined[0], kafka_topic_at(i));
             partition++) {
            struct rd_kafka_s *member = joined[turn++ % count];
            member->dealt[member->dealt_count++] =
                (struct assigned){.topic = kafka_topic_at(i), .partition = partition};
        }
    }
    for (size_t i = 0; i < count; i++) {
        joined[i]->joined = false;
        joined[i]->generation = group->generation;
        joined[i]->pending = ASSIGN;
        member_wake(joined[i]);
    }
}

static void rebalance(struct group *group)
{
    group->rebalancing = true;
    for (size_t i = 0; i < member_count; i++) {
        struct rd_kafka_s *member = members[i];
        if (member->group == group && member->is_member && !member->joined) {
            member->pending = REVOKE;
            member_wake(member);
        }
    }
    complete(group);
}

void member_join(struct rd_kafka_s *member)
{
    member->is_member = true;
    member->joined = true;
    rebalance(member->group);
}

void member_is_ready(struct rd_kafka_s *member)
{
    member->joined = true;
    complete(member->group);
}

void member_leave(struct rd_kafka_s *member)
{
    member->is_member = false;
    rebalance(member->group);
}

static void put_out(struct rd_kafka_s *member)
{
    if (member->is_member) {
        tell("Kafka: %s is out of %s", process_name(member->process), member->group->id);
        member->is_member = false;
        member->joined = false;
        if (is_alive(member)) { /* it learns it when it asks again, and joins again */
            member->lost = true;
            member->pending = REVOKE;
            member_wake(member);
        }
        rebalance(member->group);
    }
}

void groups_end(void)
{
    for (size_t i = 0; i < member_count; i++) {
        put_out(members[i]);
    }
}

static void on_left(void *arg)
{
    struct rd_kafka_s *member = arg;
    if (!member->watch) {
        put_out(member);
    }
}

/* Its threads go on beating until max.poll.interval.ms is over, which is not so long here. */
void member_is_left(struct rd_kafka_s *member)
{
    if (member->is_member) {
        event_at(NULL, world_now_us() + LEFT_FOR_US, on_left, member);
    }
}

void kafka_session_over(struct process *process)
{
    for (size_t i = 0; i < member_count; i++) {
        if (members[i]->process == process &&
            (!is_alive(members[i]) || process_frozen_until(process) > world_now_us())) {
            put_out(members[i]);
        }
    }
}

void kafka_rebalance(void)
{
    if (group_count > 0) {
        struct group *group = &groups[chance(group_count)];
        tell("Kafka: %s rebalances", group->id);
        rebalance(group);
    }
}

bool member_commit(struct rd_kafka_s *member, const rd_kafka_topic_partition_list_t *list)
{
    const bool accepted = kafka_is_up() && !one_in(faults.commit_failed) && member->is_member &&
                          member->generation == member->group->generation;
    for (int i = 0; accepted && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *commit = &list->elems[i];
        struct topic_log *topic = kafka_topic(commit->topic);
        int64_t *committed = &topic->committed[commit->partition];
        tell("Kafka: %s commits %s [%d] %lld", process_name(member->process), topic->name,
             (int)commit->partition, (long long)commit->offset);
        invariant_commit(member->process, topic, commit->partition, *committed, commit->offset);
        *committed = commit->offset;
        (void)snprintf(topic->mark[commit->partition], sizeof topic->mark[0], "%.*s",
                       (int)commit->metadata_size,
                       commit->metadata_size ? (const char *)commit->metadata : "");
    }
    return accepted;
}
