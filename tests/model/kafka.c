/*
 * A Kafka cluster: logs of partitions, committed offsets, groups whose partitions go from one member to the
 * other. base/kafka_producer.h is defined here; of the consumer librdkafka's functions are, so that
 * base/kafka_consumer.c is the product's own.
 *
 * A group rebalances as librdkafka's eager protocol does: all members give everything back, each when it next
 * polls, then all is dealt out anew. Who is silent for a session is put out of the group and learns it late.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/kafka_consumer.h"
#include "base/kafka_queue.h"
#include "base/memory.h"
#include "schemas/letter_record.h"
#include "schemas/tiers.h"
#include "tests/model/invariants.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

#define GROUPS_MAX 8
#define MEMBERS_MAX 512
#define ASSIGNED_MAX (TOPICS_MAX * PARTITIONS)
#define COMMIT_EVERY_US SECOND

static struct topic_log topics[TOPICS_MAX];
static size_t topic_count;
static bool cluster_is_up;
static size_t records_on_their_way;

struct group {
    char id[64];
    unsigned generation;
    bool rebalancing;
};

static struct group groups[GROUPS_MAX];
static size_t group_count;

enum pending { NOTHING, REVOKE, ASSIGN };

struct assigned {
    struct topic_log *topic;
    int32_t partition;
    int64_t position; /* the next to be fetched */
    int64_t stored;   /* to be committed; -1: nothing new */
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
    event_id commit;
    rd_kafka_resp_err_t commit_failure;
};

static struct rd_kafka_s *members[MEMBERS_MAX];
static size_t member_count;

void kafka_reset(void)
{
    memset(topics, 0, sizeof topics);
    topic_count = 0;
    group_count = 0;
    member_count = 0;
    cluster_is_up = true;
    records_on_their_way = 0;
}

/* Topics and records. */

struct topic_log *kafka_topic(const char *name)
{
    for (size_t i = 0; i < topic_count; i++) {
        if (strcmp(topics[i].name, name) == 0) {
            return &topics[i];
        }
    }
    if (topic_count == TOPICS_MAX) {
        abort();
    }
    topics[topic_count] = (struct topic_log){.name = world_copy(name, strlen(name))};
    return &topics[topic_count++];
}

size_t kafka_topic_count(void)
{
    return topic_count;
}

struct topic_log *kafka_topic_at(size_t index)
{
    return &topics[index];
}

static void wake(struct rd_kafka_s *member);

static bool reads(const struct rd_kafka_s *member, const struct topic_log *topic)
{
    return *member->subscription == '^' ? tier_topic(topic->name)
                                        : strcmp(member->subscription, topic->name) == 0;
}

static void append(struct topic_log *topic, int64_t partition, struct record *record)
{
    struct log_of_partition *log = &topic->partitions[partition];
    if (log->count == log->room) {
        log->room = log->room ? log->room * 2 : 16;
        struct record **larger = world_alloc((size_t)log->room * sizeof(struct record *));
        if (log->count > 0) {
            memcpy(larger, log->records, (size_t)log->count * sizeof(struct record *));
        }
        log->records = larger;
    }
    record->timestamp_ms = world_wall_us() / 1000;
    log->records[log->count++] = record;
    char id[UUID_TEXT_SIZE];
    uuid_format(&record->id, id);
    tell("Kafka: %s [%d] has …%s fence %d at %lld", topic->name, (int)partition, id + 28, (int)record->fence,
         (long long)log->count - 1);
    for (size_t i = 0; i < member_count; i++) {
        if (members[i]->is_member && reads(members[i], topic)) {
            wake(members[i]);
        }
    }
}

static struct record *record_copy(const struct kafka_record_out *out)
{
    struct record *record = WORLD_NEW(struct record);
    record->key = world_copy(out->key, out->key_length);
    record->key_length = out->key_length;
    record->value = world_copy(out->value, out->value_length);
    record->value_length = out->value_length;
    for (const struct kafka_header *header = out->headers; header && header->name; header++) {
        if (header->value && record->header_count < RECORD_HEADERS_MAX) {
            record->headers[record->header_count++] =
                (struct kafka_header){world_copy(header->name, strlen(header->name)),
                                      world_copy(header->value, header->length), header->length};
        }
    }
    struct reference reference;
    enum error_code code;
    if (letter_or_reference_decode(record->value, record->value_length, &reference, &code)) {
        record->id = reference.id;
        record->fence = reference.fence;
    }
    return record;
}

/* As librdkafka's partitioner `consistent` does it. */
static int64_t partition_for(const struct kafka_record_out *out)
{
    return out->by_key ? (int64_t)(crc32(0, out->key, (uInt)out->key_length) % PARTITIONS)
                       : (int64_t)chance(PARTITIONS);
}

struct record *kafka_append(const struct kafka_record_out *out)
{
    struct record *record = record_copy(out);
    append(kafka_topic(out->topic), partition_for(out), record);
    return record;
}

/* The producer. */

struct flight {
    struct flight *next;
    struct flight *previous;
    struct kafka_producer *producer;
    struct topic_log *topic;
    int64_t partition;
    struct record *record;
    uint64_t ticket;
    int64_t gives_up_us;
    bool unreported; /* the report gets lost on its way */
    bool on_its_way;
};

struct kafka_producer {
    struct process *process;
    unsigned life;
    kafka_delivery_fn *on_delivery;
    void *arg;
    int64_t timeout_us;
    struct flight flights; /* a ring of those not reported */
    size_t in_flight;
};

struct kafka_producer *kafka_producer_open(uv_loop_t *loop, const struct kafka_producer_options *options,
                                           struct error *error)
{
    (void)loop;
    (void)error;
    struct kafka_producer *producer = WORLD_NEW(struct kafka_producer);
    *producer = (struct kafka_producer){.process = process_current(),
                                        .life = process_life(process_current()),
                                        .on_delivery = options->on_delivery,
                                        .arg = options->arg,
                                        .timeout_us = (int64_t)options->message_timeout_ms * MS};
    producer->flights.next = producer->flights.previous = &producer->flights;
    return producer;
}

static void report(struct flight *flight, const char *reason)
{
    struct kafka_producer *producer = flight->producer;
    if (!flight->next) {
        return; /* it was reported */
    }
    flight->next->previous = flight->previous;
    flight->previous->next = flight->next;
    flight->next = NULL;
    producer->in_flight--;
    producer->on_delivery(producer->arg, flight->ticket, reason);
}

static void on_reported(void *arg)
{
    report(arg, NULL);
}

static void on_given_up(void *arg)
{
    report(arg, "message timed out");
}

static void on_record_arrives(void *arg)
{
    struct flight *flight = arg;
    const int64_t now_us = world_now_us();
    const bool dead = process_life(flight->producer->process) != flight->producer->life;
    if (!cluster_is_up && !dead && now_us < flight->gives_up_us) {
        event_at(NULL, now_us + 200 * MS, on_record_arrives, flight); /* librdkafka tries again */
        return;
    }
    records_on_their_way--;
    if (!cluster_is_up || (dead && one_in(2))) {
        return;
    }
    append(flight->topic, flight->partition, flight->record);
    if (!dead && !flight->unreported && now_us < flight->gives_up_us) {
        event_at(flight->producer->process, now_us + between(100, 3 * MS), on_reported, flight);
    }
}

bool kafka_producer_send(struct kafka_producer *producer, const struct kafka_record_out *out)
{
    if (one_in(faults.record_refused)) {
        return false;
    }
    const int64_t now_us = world_now_us();
    struct flight *flight = WORLD_NEW(struct flight);
    *flight = (struct flight){.next = producer->flights.next,
                              .previous = &producer->flights,
                              .producer = producer,
                              .topic = kafka_topic(out->topic),
                              .partition = partition_for(out),
                              .record = record_copy(out),
                              .ticket = out->ticket,
                              .gives_up_us = now_us + producer->timeout_us,
                              .unreported = one_in(faults.record_unreported)};
    flight->next->previous = flight;
    producer->flights.next = flight;
    producer->in_flight++;
    const bool dropped = one_in(faults.record_dropped);
    if (!dropped) {
        records_on_their_way++;
        const int64_t late_us = flight->unreported ? producer->timeout_us * 3 / 2 : 5 * MS;
        event_at(NULL, now_us + between(500, late_us), on_record_arrives, flight);
    }
    if (dropped || flight->unreported || !cluster_is_up) {
        event_at(producer->process, flight->gives_up_us, on_given_up, flight);
    }
    return true;
}

size_t kafka_producer_in_flight(const struct kafka_producer *producer)
{
    return producer->in_flight;
}

bool kafka_producer_is_connected(const struct kafka_producer *producer)
{
    (void)producer;
    return cluster_is_up;
}

bool kafka_producer_was_connected(const struct kafka_producer *producer)
{
    (void)producer;
    return true;
}

const char *kafka_producer_refused(const struct kafka_producer *producer)
{
    (void)producer;
    return NULL;
}

void kafka_producer_close(struct kafka_producer *producer)
{
    while (producer && producer->flights.next != &producer->flights) {
        report(producer->flights.next, "closed");
    }
}

size_t kafka_in_flight(void)
{
    return records_on_their_way;
}

/* Groups. */

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

static void wake(struct rd_kafka_s *member)
{
    if (!member->wake_is_due && is_alive(member)) {
        member->wake_is_due = true;
        event_at(member->process, world_now_us() + between(100, 5 * MS), on_wake, member);
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
    for (size_t i = 0; i < topic_count && count > 0; i++) {
        for (int32_t partition = 0; partition < PARTITIONS && reads(joined[0], &topics[i]); partition++) {
            struct rd_kafka_s *member = joined[turn++ % count];
            member->dealt[member->dealt_count++] =
                (struct assigned){.topic = &topics[i], .partition = partition, .stored = -1};
        }
    }
    for (size_t i = 0; i < count; i++) {
        joined[i]->joined = false;
        joined[i]->generation = group->generation;
        joined[i]->pending = ASSIGN;
        wake(joined[i]);
    }
}

static void rebalance(struct group *group)
{
    group->rebalancing = true;
    for (size_t i = 0; i < member_count; i++) {
        struct rd_kafka_s *member = members[i];
        if (member->group == group && member->is_member && !member->joined) {
            member->pending = REVOKE;
            wake(member);
        }
    }
    complete(group);
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
            wake(member);
        }
        rebalance(member->group);
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

void kafka_lose_records(void)
{
    if (topic_count == 0) {
        return;
    }
    struct topic_log *topic = &topics[chance(topic_count)];
    const size_t partition = chance(PARTITIONS);
    struct log_of_partition *log = &topic->partitions[partition];
    for (int64_t i = topic->committed[partition]; i < log->count; i++) {
        log->records[i]->lost = true;
        invariant_record_lost(log->records[i]);
    }
    tell("Kafka: %s [%d] loses what nobody has committed", topic->name, (int)partition);
}

void kafka_set_up(bool up)
{
    tell("Kafka %s", up ? "is up" : "goes down");
    cluster_is_up = up;
    for (size_t i = 0; i < member_count && up; i++) {
        wake(members[i]);
    }
}

bool kafka_is_up(void)
{
    return cluster_is_up;
}

static bool commit(struct rd_kafka_s *member)
{
    const bool accepted = cluster_is_up && !one_in(faults.commit_failed) && member->is_member &&
                          member->generation == member->group->generation;
    for (size_t i = 0; accepted && i < member->assigned_count; i++) {
        struct assigned *assigned = &member->assigned[i];
        if (assigned->stored >= 0) {
            int64_t *committed = &assigned->topic->committed[assigned->partition];
            tell("Kafka: %s commits %s [%d] %lld", process_name(member->process), assigned->topic->name,
                 (int)assigned->partition, (long long)assigned->stored);
            invariant_commit(member->process, assigned->topic, assigned->partition, *committed,
                             assigned->stored);
            *committed = assigned->stored;
            assigned->stored = -1;
        }
    }
    return accepted;
}

static void on_commit(void *arg)
{
    struct rd_kafka_s *member = arg;
    member->commit = 0;
    (void)commit(member);
}

/* librdkafka, as base/kafka_consumer.c uses it. */

rd_kafka_conf_t *rd_kafka_conf_new(void)
{
    return NEW(struct rd_kafka_conf_s);
}

void rd_kafka_conf_destroy(rd_kafka_conf_t *conf)
{
    free(conf);
}

rd_kafka_conf_res_t rd_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                      char *errstr, size_t errstr_size)
{
    (void)errstr;
    (void)errstr_size;
    if (strcmp(name, "group.id") == 0) {
        (void)snprintf(conf->group_id, sizeof conf->group_id, "%s", value);
    }
    return RD_KAFKA_CONF_OK;
}

void rd_kafka_conf_set_log_cb(rd_kafka_conf_t *conf, void (*log_cb)(const rd_kafka_t *rk, int level,
                                                                    const char *fac, const char *buf))
{
    (void)conf;
    (void)log_cb;
}

void rd_kafka_conf_set_rebalance_cb(rd_kafka_conf_t *conf,
                                    void (*rebalance_cb)(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                                                         rd_kafka_topic_partition_list_t *partitions,
                                                         void *opaque))
{
    conf->rebalance = rebalance_cb;
}

void rd_kafka_conf_set_error_cb(rd_kafka_conf_t *conf,
                                void (*error_cb)(rd_kafka_t *rk, int err, const char *reason, void *opaque))
{
    (void)conf;
    (void)error_cb;
}

void rd_kafka_conf_set_opaque(rd_kafka_conf_t *conf, void *opaque)
{
    conf->opaque = opaque;
}

rd_kafka_t *rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *errstr, size_t errstr_size)
{
    (void)type;
    (void)errstr;
    (void)errstr_size;
    struct rd_kafka_s *member = WORLD_NEW(struct rd_kafka_s);
    member->process = process_current();
    member->life = process_life(member->process);
    member->conf = *conf;
    member->group = group_of(conf->group_id);
    free(conf);
    if (member_count == MEMBERS_MAX) {
        abort();
    }
    return members[member_count++] = member;
}

rd_kafka_resp_err_t rd_kafka_poll_set_consumer(rd_kafka_t *kafka)
{
    (void)kafka;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void join(struct rd_kafka_s *member)
{
    member->is_member = true;
    member->joined = true;
    rebalance(member->group);
}

rd_kafka_resp_err_t rd_kafka_subscribe(rd_kafka_t *kafka, const rd_kafka_topic_partition_list_t *list)
{
    (void)snprintf(kafka->subscription, sizeof kafka->subscription, "%s", list->elems[0].topic);
    join(kafka);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_queue_t *rd_kafka_queue_get_consumer(rd_kafka_t *kafka)
{
    return (rd_kafka_queue_t *)kafka;
}

rd_kafka_queue_t *rd_kafka_queue_new(rd_kafka_t *kafka)
{
    return (rd_kafka_queue_t *)kafka;
}

void rd_kafka_queue_destroy(rd_kafka_queue_t *queue)
{
    (void)queue;
}

struct kafka_queue *kafka_queue_watch(uv_loop_t *loop, rd_kafka_queue_t *queue, void (*call)(void *arg),
                                      void *arg)
{
    (void)loop;
    struct kafka_queue *watch = NEW(struct kafka_queue);
    watch->wake = call;
    watch->arg = arg;
    ((rd_kafka_t *)queue)->watch = watch;
    wake((rd_kafka_t *)queue);
    return watch;
}

void kafka_queue_unwatch(struct kafka_queue *watch, rd_kafka_queue_t *queue)
{
    ((rd_kafka_t *)queue)->watch = NULL;
    free(watch);
}

static rd_kafka_topic_partition_list_t *list_of(const struct assigned *assigned, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, assigned[i].topic->name, assigned[i].partition);
    }
    return list;
}

static void call_rebalance(rd_kafka_t *kafka, rd_kafka_resp_err_t what, const struct assigned *assigned,
                           size_t count)
{
    rd_kafka_topic_partition_list_t *list = list_of(assigned, count);
    kafka->conf.rebalance(kafka, what, list, kafka->conf.opaque);
    rd_kafka_topic_partition_list_destroy(list);
}

static void give_back(rd_kafka_t *kafka)
{
    kafka->pending = NOTHING;
    if (kafka->assigned_count > 0) {
        call_rebalance(kafka, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS, kafka->assigned, kafka->assigned_count);
    }
    kafka->lost = false;
}

static struct assigned *assigned_of(rd_kafka_t *kafka, const rd_kafka_topic_partition_t *which)
{
    for (size_t i = 0; i < kafka->assigned_count; i++) {
        struct assigned *assigned = &kafka->assigned[i];
        if (assigned->partition == which->partition && strcmp(assigned->topic->name, which->topic) == 0) {
            return assigned;
        }
    }
    return NULL;
}

/* From what is committed on, or from the earliest. */
rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t *kafka, const rd_kafka_topic_partition_list_t *list)
{
    kafka->assigned_count = 0;
    for (int i = 0; list && i < list->cnt; i++) {
        struct topic_log *topic = kafka_topic(list->elems[i].topic);
        kafka->assigned[kafka->assigned_count++] =
            (struct assigned){.topic = topic,
                              .partition = list->elems[i].partition,
                              .position = topic->committed[list->elems[i].partition],
                              .stored = -1};
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int rd_kafka_assignment_lost(rd_kafka_t *kafka)
{
    return kafka->lost;
}

static rd_kafka_message_t *message_of(const struct assigned *assigned, const struct record *record,
                                      int64_t offset)
{
    char *block = memory_new(sizeof(rd_kafka_message_t) + record->key_length + record->value_length + 2);
    rd_kafka_message_t *message = (rd_kafka_message_t *)(void *)block;
    char *key = block + sizeof *message;
    char *value = key + record->key_length + 1;
    memcpy(key, record->key, record->key_length);
    memcpy(value, record->value, record->value_length);
    *message = (rd_kafka_message_t){.rkt = (rd_kafka_topic_t *)assigned->topic,
                                    .partition = assigned->partition,
                                    .payload = value,
                                    .len = record->value_length,
                                    .key = key,
                                    .key_len = record->key_length,
                                    .offset = offset,
                                    ._private = (void *)(uintptr_t)record};
    return message;
}

rd_kafka_message_t *rd_kafka_consumer_poll(rd_kafka_t *kafka, int timeout_ms)
{
    (void)timeout_ms;
    if (kafka->pending == REVOKE) {
        give_back(kafka);
        if (kafka->is_member) {
            kafka->joined = true;
            complete(kafka->group);
        } else {
            join(kafka);
        }
        return NULL;
    }
    if (kafka->pending == ASSIGN) {
        kafka->pending = NOTHING;
        call_rebalance(kafka, RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, kafka->dealt, kafka->dealt_count);
        wake(kafka);
        return NULL;
    }
    for (size_t i = 0; cluster_is_up && i < kafka->assigned_count; i++) {
        struct assigned *assigned = &kafka->assigned[(kafka->next + i) % kafka->assigned_count];
        const struct log_of_partition *log = &assigned->topic->partitions[assigned->partition];
        while (!assigned->paused && assigned->position < log->count) {
            struct record *record = log->records[assigned->position++];
            if (!record->lost) {
                record->handed_out++;
                kafka->next += one_in(3);
                return message_of(assigned, record, assigned->position - 1);
            }
        }
    }
    return NULL;
}

static rd_kafka_resp_err_t set_paused(rd_kafka_t *kafka, const rd_kafka_topic_partition_list_t *list,
                                      bool paused)
{
    for (int i = 0; i < list->cnt; i++) {
        struct assigned *assigned = assigned_of(kafka, &list->elems[i]);
        if (assigned) {
            if (!paused && !assigned->paused) { /* librdkafka before 2.4.0 rewinds it */
                assigned->position = assigned->topic->committed[assigned->partition];
            }
            assigned->paused = paused;
        }
    }
    wake(kafka);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_pause_partitions(rd_kafka_t *kafka, rd_kafka_topic_partition_list_t *list)
{
    return set_paused(kafka, list, true);
}

rd_kafka_resp_err_t rd_kafka_resume_partitions(rd_kafka_t *kafka, rd_kafka_topic_partition_list_t *list)
{
    return set_paused(kafka, list, false);
}

rd_kafka_resp_err_t rd_kafka_offsets_store(rd_kafka_t *kafka, rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        struct assigned *assigned = assigned_of(kafka, &list->elems[i]);
        if (assigned) {
            assigned->stored = list->elems[i].offset;
        }
    }
    if (!kafka->commit) {
        kafka->commit =
            event_at(kafka->process, world_now_us() + between(0, COMMIT_EVERY_US), on_commit, kafka);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t
rd_kafka_commit_queue(rd_kafka_t *kafka, const rd_kafka_topic_partition_list_t *list, rd_kafka_queue_t *queue,
                      void (*done)(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                                   rd_kafka_topic_partition_list_t *offsets, void *opaque),
                      void *opaque)
{
    (void)list;
    (void)queue;
    (void)done;
    (void)opaque;
    kafka->commit_failure = commit(kafka) ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR__TIMED_OUT;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_event_t *rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms)
{
    (void)timeout_ms;
    return (rd_kafka_event_t *)queue;
}

rd_kafka_resp_err_t rd_kafka_event_error(rd_kafka_event_t *event)
{
    return ((rd_kafka_t *)event)->commit_failure;
}

void rd_kafka_event_destroy(rd_kafka_event_t *event)
{
    (void)event;
}

rd_kafka_resp_err_t rd_kafka_assignment(rd_kafka_t *kafka, rd_kafka_topic_partition_list_t **list)
{
    *list = list_of(kafka->assigned, kafka->assigned_count);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_committed(rd_kafka_t *kafka, rd_kafka_topic_partition_list_t *list,
                                       int timeout_ms)
{
    (void)kafka;
    (void)list;
    (void)timeout_ms;
    return cluster_is_up ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR__TIMED_OUT;
}

rd_kafka_resp_err_t rd_kafka_consumer_close(rd_kafka_t *kafka)
{
    give_back(kafka);
    if (kafka->is_member) {
        kafka->is_member = false;
        rebalance(kafka->group);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void rd_kafka_destroy_flags(rd_kafka_t *kafka, int flags)
{
    (void)kafka;
    (void)flags;
}

void rd_kafka_message_destroy(rd_kafka_message_t *message)
{
    free(message);
}

const char *rd_kafka_topic_name(const rd_kafka_topic_t *topic)
{
    return ((const struct topic_log *)topic)->name;
}

int64_t rd_kafka_message_timestamp(const rd_kafka_message_t *message, rd_kafka_timestamp_type_t *type)
{
    (void)type;
    return ((const struct record *)message->_private)->timestamp_ms;
}

rd_kafka_resp_err_t rd_kafka_message_headers(const rd_kafka_message_t *message, rd_kafka_headers_t **headers)
{
    *headers = message->_private;
    return ((const struct record *)message->_private)->header_count ? RD_KAFKA_RESP_ERR_NO_ERROR
                                                                    : RD_KAFKA_RESP_ERR__NOENT;
}

rd_kafka_resp_err_t rd_kafka_header_get_all(const rd_kafka_headers_t *headers, size_t index,
                                            const char **name, const void **value, size_t *size)
{
    const struct record *record = (const struct record *)headers;
    if (index >= record->header_count) {
        return RD_KAFKA_RESP_ERR__NOENT;
    }
    *name = record->headers[index].name;
    *value = record->headers[index].value;
    *size = record->headers[index].length;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_header_get_last(const rd_kafka_headers_t *headers, const char *name,
                                             const void **value, size_t *size)
{
    const struct record *record = (const struct record *)headers;
    for (size_t i = record->header_count; i > 0; i--) {
        if (strcmp(record->headers[i - 1].name, name) == 0) {
            *value = record->headers[i - 1].value;
            *size = record->headers[i - 1].length;
            return RD_KAFKA_RESP_ERR_NO_ERROR;
        }
    }
    return RD_KAFKA_RESP_ERR__NOENT;
}
