/*
 * librdkafka's consumer, as far as base/kafka_consumer.c uses it: so that one is the product's own.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka_queue.h"
#include "base/memory.h"
#include "tests/model/groups.h"
#include "tests/model/process.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

/* The types of the functions are librdkafka's, the names of their parameters need not be. */
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name, readability-non-const-parameter)

rd_kafka_conf_t *rd_kafka_conf_new(void)
{
    return NEW(struct rd_kafka_conf_s);
}

rd_kafka_conf_t *rd_kafka_conf_dup(const rd_kafka_conf_t *conf)
{
    rd_kafka_conf_t *copy = rd_kafka_conf_new();
    *copy = *conf;
    return copy;
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

rd_kafka_resp_err_t rd_kafka_conf_interceptor_add_on_new(rd_kafka_conf_t *conf, const char *name,
                                                         rd_kafka_interceptor_f_on_new_t *on_new,
                                                         void *opaque)
{
    (void)conf;
    (void)name;
    (void)on_new;
    (void)opaque;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_t *rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *errstr, size_t errstr_size)
{
    (void)type;
    (void)errstr;
    (void)errstr_size;
    struct rd_kafka_s *member = member_new(process_current(), conf);
    free(conf);
    return member;
}

rd_kafka_resp_err_t rd_kafka_poll_set_consumer(rd_kafka_t *kafka)
{
    (void)kafka;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_subscribe(rd_kafka_t *kafka, const rd_kafka_topic_partition_list_t *list)
{
    (void)snprintf(kafka->subscription, sizeof kafka->subscription, "%s", list->elems[0].topic);
    member_join(kafka);
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

struct kafka_queue *kafka_queue_watch(uv_loop_t *loop, rd_kafka_queue_t *queue, void (*wake)(void *arg),
                                      void *arg)
{
    (void)loop;
    struct kafka_queue *watch = NEW(struct kafka_queue);
    watch->wake = wake;
    watch->arg = arg;
    ((rd_kafka_t *)queue)->watch = watch;
    member_wake((rd_kafka_t *)queue);
    return watch;
}

void kafka_queue_unwatch(struct kafka_queue *watch, rd_kafka_queue_t *queue)
{
    ((rd_kafka_t *)queue)->watch = NULL;
    member_is_left((rd_kafka_t *)queue);
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

/* From what is committed on, or from the beginning. */
rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t *kafka, const rd_kafka_topic_partition_list_t *list)
{
    kafka->assigned_count = 0;
    for (int i = 0; list && i < list->cnt; i++) {
        struct topic_log *topic = kafka_topic(list->elems[i].topic);
        kafka->assigned[kafka->assigned_count++] =
            (struct assigned){.topic = topic,
                              .partition = list->elems[i].partition,
                              .position = list->elems[i].offset == RD_KAFKA_OFFSET_BEGINNING
                                              ? 0
                                              : topic->committed[list->elems[i].partition]};
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
            member_is_ready(kafka);
        } else {
            member_join(kafka);
        }
        return NULL;
    }
    if (kafka->pending == ASSIGN) {
        kafka->pending = NOTHING;
        call_rebalance(kafka, RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, kafka->dealt, kafka->dealt_count);
        member_wake(kafka);
        return NULL;
    }
    for (size_t i = 0; kafka_is_up() && i < kafka->assigned_count; i++) {
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
    member_wake(kafka);
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

rd_kafka_resp_err_t
rd_kafka_commit_queue(rd_kafka_t *kafka, const rd_kafka_topic_partition_list_t *list, rd_kafka_queue_t *queue,
                      void (*done)(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                                   rd_kafka_topic_partition_list_t *offsets, void *opaque),
                      void *opaque)
{
    (void)queue;
    (void)done;
    (void)opaque;
    kafka->commit_failure =
        member_commit(kafka, list) ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR__TIMED_OUT;
    *kafka->commit = rd_kafka_topic_partition_list_copy(list);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Each client is its own queue. One that leaves does so when it is asked what it has to say. */
rd_kafka_event_t *rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_t *kafka = (rd_kafka_t *)queue;
    (void)timeout_ms;
    if (kafka->leaving && kafka_is_up()) {
        give_back(kafka);
        if (kafka->is_member) {
            member_leave(kafka);
        }
        kafka->leaving = false;
    }
    return *kafka->commit ? (rd_kafka_event_t *)queue : NULL;
}

rd_kafka_event_type_t rd_kafka_event_type(const rd_kafka_event_t *event)
{
    (void)event;
    return RD_KAFKA_EVENT_OFFSET_COMMIT;
}

rd_kafka_resp_err_t rd_kafka_event_error(rd_kafka_event_t *event)
{
    return ((rd_kafka_t *)event)->commit_failure;
}

rd_kafka_topic_partition_list_t *rd_kafka_event_topic_partition_list(rd_kafka_event_t *event)
{
    return *((rd_kafka_t *)event)->commit;
}

void rd_kafka_event_destroy(rd_kafka_event_t *event)
{
    rd_kafka_t *kafka = (rd_kafka_t *)event;
    if (kafka) {
        rd_kafka_topic_partition_list_destroy(*kafka->commit);
        *kafka->commit = NULL;
    }
}

rd_kafka_resp_err_t rd_kafka_committed(rd_kafka_t *kafka, rd_kafka_topic_partition_list_t *list,
                                       int timeout_ms)
{
    (void)timeout_ms;
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *commit = &list->elems[i];
        const struct topic_log *topic = kafka_topic(commit->topic);
        const char *mark = topic->mark[commit->partition];
        commit->offset = topic->committed[commit->partition];
        if (*mark) {
            commit->metadata_size = strlen(mark);
            commit->metadata = rd_kafka_mem_malloc(kafka, commit->metadata_size);
            memcpy(commit->metadata, mark, commit->metadata_size);
        }
    }
    return kafka_is_up() ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR__TIMED_OUT;
}

rd_kafka_error_t *rd_kafka_consumer_close_queue(rd_kafka_t *kafka, rd_kafka_queue_t *queue)
{
    (void)queue;
    kafka->leaving = true;
    return NULL;
}

int rd_kafka_consumer_closed(rd_kafka_t *kafka)
{
    return !kafka->leaving;
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

// NOLINTEND(readability-inconsistent-declaration-parameter-name, readability-non-const-parameter)
