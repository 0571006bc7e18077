#include "metrics/exporter/kafka_ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/kafka_lost.h"
#include "base/memory.h"

#define CONFIGS_EVERY_MS 600000
#define STARTS_EVERY_MS 5000
#define QUIET_GROUPS_EVERY_MS 30000 /* should a Kafka keep what groups commit elsewhere than we think */
/* librdkafka looks for each partition of an answer in the list that it was asked with, from its beginning. */
#define PARTITIONS_AT_ONCE 125
#define CONFIGS_AT_ONCE 50 /* each topic answers with some forty settings */
#define ANSWER_LOOK_MS 100 /* how soon a stop is noticed */
#define REASON_SIZE 256

static bool refused(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static bool is_internal(const char *topic)
{
    return strncmp(topic, "__", 2) == 0;
}

bool kafka_ask_topics(struct kafka_ask *ask, struct kafka_view *view, struct error *error)
{
    const struct rd_kafka_metadata *answer;
    const rd_kafka_resp_err_t code = rd_kafka_metadata(ask->client, 1, NULL, &answer, ASK_TIMEOUT_MS);
    if (code) {
        return error_set(error, "topics: %s", rd_kafka_err2str(code));
    }
    view->broker_count = answer->broker_cnt;
    for (int i = 0; i < answer->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &answer->topics[i];
        if (strcmp(topic->topic, COMMIT_LOG_TOPIC) == 0) {
            commit_log_found(&view->commits, topic);
        } else if (topic->partition_cnt > 0 && !is_internal(topic->topic) &&
                   name_filter_takes(ask->topics, topic->topic)) {
            struct kafka_topic *found = kafka_view_found_topic(view, topic->topic, topic->partition_cnt);
            for (int32_t j = 0; j < topic->partition_cnt; j++) {
                const int32_t id = topic->partitions[j].id;
                if (id >= 0 && id < found->partition_count) {
                    found->partitions[id].led = topic->partitions[j].leader >= 0;
                }
            }
        }
    }
    rd_kafka_metadata_destroy(answer);
    return true;
}

/* --- answers of the admin API */

/* NULL: none came in time. */
static rd_kafka_event_t *await(const struct kafka_ask *ask, rd_kafka_queue_t *queue, int64_t until_ms)
{
    rd_kafka_event_t *event = NULL;
    while (!event && !atomic_load(ask->stop) && clock_monotonic_ms() < until_ms) {
        event = rd_kafka_queue_poll(queue, ANSWER_LOOK_MS);
    }
    return event;
}

static rd_kafka_AdminOptions_t *options_new(const struct kafka_ask *ask, rd_kafka_admin_op_t question)
{
    char reason[REASON_SIZE];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(ask->client, question);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, ASK_TIMEOUT_MS, reason, sizeof reason);
    return options;
}

/* Calls `take` for each of `count` answers; false when one is missing or says an error. */
static bool await_all(const struct kafka_ask *ask, rd_kafka_queue_t *queue, size_t count, const char *what,
                      bool (*take)(struct kafka_view *, rd_kafka_event_t *, struct error *),
                      struct kafka_view *view, struct error *error)
{
    const int64_t until_ms = clock_monotonic_ms() + ASK_TIMEOUT_MS;
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_event_t *event = await(ask, queue, until_ms);
        if (!event) {
            return error_set(error, "%s: no answer", what);
        }
        if (rd_kafka_event_error(event)) {
            fine = error_set(error, "%s: %s", what, rd_kafka_event_error_string(event));
        } else {
            fine = take(view, event, error) && fine;
        }
        rd_kafka_event_destroy(event);
    }
    return fine;
}

/* --- groups */

static bool take_members(struct kafka_view *view, rd_kafka_event_t *event, struct error *error)
{
    (void)error; /* a group of a kind that librdkafka cannot describe has a state all the same */
    size_t count;
    const rd_kafka_ConsumerGroupDescription_t **found = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        struct group *group = kafka_view_group(view, rd_kafka_ConsumerGroupDescription_group_id(found[i]));
        if (group && !rd_kafka_ConsumerGroupDescription_error(found[i])) {
            group->members = (int64_t)rd_kafka_ConsumerGroupDescription_member_count(found[i]);
        }
    }
    return true;
}

/* Not being allowed to is no error: then no group is quiet. */
static void look_at_commit_log(struct kafka_ask *ask, struct kafka_view *view)
{
    struct error ignored;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(view->commits.count + 1);
    commit_log_list(&view->commits, list);
    commit_log_take(&view->commits, list, list->cnt > 0 && kafka_ask_offsets(ask, list, &ignored));
    rd_kafka_topic_partition_list_destroy(list);
}

static void choose_groups(struct kafka_view *view)
{
    const int64_t now_ms = clock_monotonic_ms();
    for (size_t i = 0; i < view->group_count; i++) {
        struct group *group = view->groups[i];
        const bool quiet = commit_log_is_quiet(&view->commits, group->name);
        /* What came in between the last look and the question shows at this look. */
        if (group->moved && group->quiet && quiet) {
            commit_log_was_wrong(&view->commits);
        }
        group->quiet = quiet;
        group->to_ask = !quiet || view->topics_changed || group->asked_ms == 0 ||
                        now_ms - group->asked_ms >= QUIET_GROUPS_EVERY_MS;
        group->moved = false;
    }
    view->topics_changed = false;
}

static bool ask_members(const struct kafka_ask *ask, rd_kafka_queue_t *queue, struct kafka_view *view,
                        struct error *error)
{
    const char **names = NEW_ARRAY(const char *, view->group_count);
    size_t count = 0;
    for (size_t i = 0; i < view->group_count; i++) {
        struct group *group = view->groups[i];
        if (group->state == RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY) {
            group->members = 0;
        } else if (group->to_ask || group->members == NOT_KNOWN) {
            group->members = NOT_KNOWN;
            names[count++] = group->name;
        }
    }
    bool fine = true;
    if (count > 0) {
        rd_kafka_AdminOptions_t *options = options_new(ask, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
        rd_kafka_DescribeConsumerGroups(ask->client, names, count, options, queue);
        rd_kafka_AdminOptions_destroy(options);
        fine = await_all(ask, queue, 1, "members of groups", take_members, view, error);
    }
    free(names);
    return fine;
}

/* Each broker lists its own groups: what one of them does not tell takes nothing from the others. */
static bool take_groups(const struct kafka_ask *ask, struct kafka_view *view, rd_kafka_event_t *event,
                        struct error *error)
{
    const rd_kafka_ListConsumerGroups_result_t *result = rd_kafka_event_ListConsumerGroups_result(event);
    if (rd_kafka_event_error(event)) {
        return error_set(error, "groups: %s", rd_kafka_event_error_string(event));
    }
    size_t count;
    const rd_kafka_ConsumerGroupListing_t **found = rd_kafka_ListConsumerGroups_result_valid(result, &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConsumerGroupListing_group_id(found[i]);
        if (*name && name_filter_takes(ask->groups, name)) {
            struct group *group = kafka_view_found_group(view, name);
            const rd_kafka_consumer_group_state_t state = rd_kafka_ConsumerGroupListing_state(found[i]);
            if (state != group->state) { /* it is being made up anew: members are not written yet */
                group->asked_ms = 0;
                group->state = state;
            }
        }
    }
    const rd_kafka_error_t **errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
    return count == 0 ||
           error_set(error, "groups: %s; what is shown is incomplete", rd_kafka_error_string(errors[0]));
}

bool kafka_ask_groups(struct kafka_ask *ask, struct kafka_view *view, struct error *error)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(ask->client);
    rd_kafka_AdminOptions_t *options = options_new(ask, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS);
    rd_kafka_ListConsumerGroups(ask->client, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = await(ask, queue, clock_monotonic_ms() + ASK_TIMEOUT_MS);
    const bool all = event ? take_groups(ask, view, event, error) : error_set(error, "groups: no answer");
    if (event) {
        rd_kafka_event_destroy(event);
    }
    kafka_view_sweep(view, all);
    look_at_commit_log(ask, view);
    choose_groups(view);
    const bool fine = ask_members(ask, queue, view, error);
    rd_kafka_queue_destroy(queue);
    return fine && all;
}

/* --- commits */

static void take_positions(struct kafka_view *view, struct group *group,
                           const rd_kafka_topic_partition_list_t *found)
{
    struct kafka_topic *topic = NULL;
    const char *name = "";
    size_t hint;
    group_positions_begin(group, &hint);
    for (int i = 0; i < found->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &found->elems[i];
        if (strcmp(one->topic, name) != 0) {
            name = one->topic;
            topic = kafka_view_topic(view, name);
        }
        if (topic && !one->err && one->offset >= 0 && one->partition < topic->partition_count) {
            const bool counts = !group->ours || kafka_lost_counts(view->lost, one);
            group_position_found(group, &hint, topic, one->partition, one->offset, counts);
        }
    }
    group_positions_end(group);
}

static bool take_commits(struct kafka_view *view, rd_kafka_event_t *event, struct error *error)
{
    size_t count;
    const rd_kafka_group_result_t **found = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_group_result_name(found[i]);
        const rd_kafka_error_t *trouble = rd_kafka_group_result_error(found[i]);
        struct group *group = kafka_view_group(view, name);
        if (trouble && !refused(rd_kafka_error_code(trouble))) {
            fine = error_set(error, "what %s has committed: %s", name, rd_kafka_error_string(trouble));
        } else if (!trouble && group) {
            group->asked_ms = clock_monotonic_ms();
            take_positions(view, group, rd_kafka_group_result_partitions(found[i]));
        }
    }
    return fine;
}

bool kafka_ask_commits(struct kafka_ask *ask, struct kafka_view *view, struct error *error)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(ask->client);
    rd_kafka_AdminOptions_t *options = options_new(ask, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    size_t count = 0;
    for (size_t i = 0; i < view->group_count; i++) {
        if (!view->groups[i]->to_ask) {
            continue;
        }
        rd_kafka_ListConsumerGroupOffsets_t *question =
            rd_kafka_ListConsumerGroupOffsets_new(view->groups[i]->name, NULL);
        view->groups[i]->asked_ms = 0; /* until it has answered */
        count++;
        rd_kafka_ListConsumerGroupOffsets(ask->client, &question, 1, options, queue);
        rd_kafka_ListConsumerGroupOffsets_destroy(question);
    }
    rd_kafka_AdminOptions_destroy(options);
    const bool fine = await_all(ask, queue, count, "what groups have committed", take_commits, view, error);
    rd_kafka_queue_destroy(queue); /* answers that come too late go with it */
    return fine;
}

/* --- offsets */

bool kafka_ask_offsets(struct kafka_ask *ask, rd_kafka_topic_partition_list_t *list, struct error *error)
{
    const rd_kafka_resp_err_t code = atomic_load(ask->stop)
                                         ? RD_KAFKA_RESP_ERR__TIMED_OUT
                                         : rd_kafka_offsets_for_times(ask->client, list, ASK_TIMEOUT_MS);
    return !code || error_set(error, "offsets: %s", rd_kafka_err2str(code));
}

/* A partition without a leader would hold up all that are asked for with it. */
static bool is_asked(struct partition *partition, int64_t which, bool again)
{
    if (!partition->led) {
        partition->start = partition->end = NOT_KNOWN;
    }
    return partition->led && (which == RD_KAFKA_OFFSET_END || again || partition->start == NOT_KNOWN);
}

static bool ask_batch(struct kafka_ask *ask, rd_kafka_topic_partition_list_t *list, int64_t which,
                      struct error *error)
{
    const bool fine = list->cnt == 0 || kafka_ask_offsets(ask, list, error);
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *answer = &list->elems[i];
        struct partition *partition = answer->opaque;
        const bool known = fine && !answer->err && answer->offset >= 0;
        *(which == RD_KAFKA_OFFSET_END ? &partition->end : &partition->start) =
            known ? answer->offset : NOT_KNOWN;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return fine;
}

static bool ask_all_offsets(struct kafka_ask *ask, struct kafka_view *view, int64_t which, bool again,
                            struct error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS_AT_ONCE);
    bool fine = true;
    for (size_t i = 0; i < view->topic_count; i++) {
        struct kafka_topic *topic = view->topics[i];
        for (int32_t j = 0; j < topic->partition_count; j++) {
            if (!is_asked(&topic->partitions[j], which, again)) {
                continue;
            }
            if (list->cnt == PARTITIONS_AT_ONCE) {
                fine = ask_batch(ask, list, which, error) && fine;
                list = rd_kafka_topic_partition_list_new(PARTITIONS_AT_ONCE);
            }
            rd_kafka_topic_partition_t *question = rd_kafka_topic_partition_list_add(list, topic->name, j);
            question->offset = which;
            question->opaque = &topic->partitions[j];
        }
    }
    return ask_batch(ask, list, which, error) && fine;
}

bool kafka_ask_starts(struct kafka_ask *ask, struct kafka_view *view, struct error *error)
{
    const int64_t now_ms = clock_monotonic_ms();
    const bool again = view->starts_asked_ms == 0 || now_ms - view->starts_asked_ms >= STARTS_EVERY_MS;
    if (again) {
        view->starts_asked_ms = now_ms;
    }
    return ask_all_offsets(ask, view, RD_KAFKA_OFFSET_BEGINNING, again, error);
}

bool kafka_ask_ends(struct kafka_ask *ask, struct kafka_view *view, struct error *error)
{
    view->now_ms = clock_wall_ms();
    return ask_all_offsets(ask, view, RD_KAFKA_OFFSET_END, true, error);
}

/* --- configs */

static void take_config(struct kafka_topic *topic, const char *name, const char *value)
{
    if (strcmp(name, "retention.ms") == 0) {
        topic->retention_ms = value ? strtoll(value, NULL, 10) : NOT_KNOWN;
    } else if (strcmp(name, "cleanup.policy") == 0) {
        topic->compacted = value && strstr(value, "compact");
        if (value && !strstr(value, "delete")) {
            topic->retention_ms = NOT_KNOWN;
        }
    }
}

static bool take_configs(struct kafka_view *view, rd_kafka_event_t *event, struct error *error)
{
    size_t count;
    bool fine = true;
    const rd_kafka_ConfigResource_t **found =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        struct kafka_topic *topic = kafka_view_topic(view, rd_kafka_ConfigResource_name(found[i]));
        const rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(found[i]);
        if (!topic || (code && !refused(code))) {
            fine = !topic || error_set(error, "configuration of %s: %s", topic->name, rd_kafka_err2str(code));
            continue;
        }
        topic->configured = true;
        size_t entry_count;
        const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(found[i], &entry_count);
        for (int pass = 0; pass < 2; pass++) { /* cleanup.policy has the last word */
            for (size_t j = 0; j < entry_count; j++) {
                const char *name = rd_kafka_ConfigEntry_name(entries[j]);
                if ((strcmp(name, "cleanup.policy") == 0) == (pass == 1)) {
                    take_config(topic, name, rd_kafka_ConfigEntry_value(entries[j]));
                }
            }
        }
    }
    return fine;
}

static bool ask_configs_of(struct kafka_ask *ask, struct kafka_view *view, rd_kafka_ConfigResource_t **wanted,
                           size_t count, struct error *error)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(ask->client);
    rd_kafka_AdminOptions_t *options = options_new(ask, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(ask->client, wanted, count, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    const bool fine = await_all(ask, queue, 1, "configurations", take_configs, view, error);
    rd_kafka_queue_destroy(queue);
    return fine;
}

bool kafka_ask_configs(struct kafka_ask *ask, struct kafka_view *view, struct error *error)
{
    const int64_t now_ms = clock_monotonic_ms();
    const bool all = ask->configs_asked_ms == 0 || now_ms - ask->configs_asked_ms >= CONFIGS_EVERY_MS;
    rd_kafka_ConfigResource_t *wanted[CONFIGS_AT_ONCE];
    size_t count = 0;
    bool fine = true;
    for (size_t i = 0; i < view->topic_count && fine; i++) {
        if (all || !view->topics[i]->configured) {
            wanted[count++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, view->topics[i]->name);
        }
        if (count > 0 && (count == CONFIGS_AT_ONCE || i + 1 == view->topic_count)) {
            fine = ask_configs_of(ask, view, wanted, count, error);
            rd_kafka_ConfigResource_destroy_array(wanted, count);
            count = 0;
        }
    }
    rd_kafka_ConfigResource_destroy_array(wanted, count);
    if (fine && all) {
        ask->configs_asked_ms = now_ms;
    }
    return fine;
}
