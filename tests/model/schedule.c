#include "tests/model/schedule.h"

#include <stdio.h>
#include <string.h>

#include "producer/run.h"
#include "router/run.h"
#include "schemas/config.h"
#include "schemas/tiers.h"
#include "schemas/topics.h"
#include "senders/run.h"
#include "tests/model/invariants.h"
#include "tests/model/process.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

#define SESSION_US (1500 * MS)
#define RESTART_US (200 * MS)
/* Where records get lost, or clocks are an hour apart. Elsewhere nothing may depend on it. */
#define REPUBLISH_AFTER_MS 8000
#define REST_LIMIT_US (90 * SECOND)

struct faults faults;

static struct config config;               /* of the schedule that runs */
static struct config named[PROCESSES_MAX]; /* the same, each with the name of a process */
static struct config base;
static struct schedule_result *counted;
static bool records_may_be_lost;
static bool faults_are_over;
static int64_t last_fault_us;

/* Short times and small batches: much happens in a few seconds, and every limit is met. */
static const struct setting_override settings[] = {{"DATABASE_URL", "postgresql:///model"},
                                                   {"OUTBOUND_DATABASE_TIMEOUT_MS", "1000"},
                                                   {"OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS", "1000"},
                                                   {"OUTBOUND_KAFKA_PARTITIONS", "2"},
                                                   {"OUTBOUND_EVENTS", "off"},
                                                   {"OUTBOUND_METRICS_PORT", "0"},
                                                   {"OUTBOUND_INGEST_BATCH_SIZE", "3"},
                                                   {"OUTBOUND_OUTBOX_BATCH_SIZE", "3"},
                                                   {"OUTBOUND_OUTBOX_LEASE_MS", "2000"},
                                                   {"OUTBOUND_WORKER_BATCH_SIZE", "3"},
                                                   {"OUTBOUND_WORKER_POLL_INTERVAL_MS", "500"},
                                                   {"OUTBOUND_SENDER_CHANNEL", "email"},
                                                   {"OUTBOUND_SENDER_MAX_IN_FLIGHT", "6"},
                                                   {"OUTBOUND_SENDER_TIMEOUT_MS", "400"},
                                                   {"OUTBOUND_SENDER_LEASE_MS", "2500"},
                                                   {"OUTBOUND_RETRY_DELAYS", "500ms,1s,2s"},
                                                   {"OUTBOUND_EMAIL_PROVIDER", "sendgrid"},
                                                   {"OUTBOUND_EMAIL_FROM", "model@example.org"},
                                                   {"SENDGRID_API_KEY", "SG.model"},
                                                   {0}};

bool schedules_prepare(struct error *error)
{
    return config_load(&(struct settings_source){.overrides = settings}, &base, error);
}

/* Kafka has every topic from the start, as `outbound topics create` makes them. */
static void make_topics(void)
{
    for (int i = 0; i < TOPIC_COUNT; i++) {
        (void)kafka_topic(topic_name((enum topic)i));
    }
    struct tiers tiers;
    tiers_of(&config, &tiers);
    for (size_t i = 0; i < tiers.count; i++) {
        (void)kafka_topic(tiers.tier[i].topic);
    }
}

static void on_session_over(void *arg)
{
    kafka_session_over(arg);
}

static void on_restart(void *arg)
{
    struct process *process = arg;
    if (!process_is_up(process)) {
        process_start(process);
    }
}

static void on_end(struct process *process)
{
    event_at(NULL, world_now_us() + SESSION_US, on_session_over, process);
    event_at(NULL, world_now_us() + between(10 * MS, RESTART_US), on_restart, process);
}

static struct process *any_process(void)
{
    return process_at(chance(process_count()));
}

static void kill_one(void)
{
    struct process *process = any_process();
    counted->kills += process_is_up(process);
    process_kill(process);
}

static void stop_one(void)
{
    struct process *process = any_process();
    counted->stops += process_is_up(process);
    process_terminate(process);
}

/* For less than a session, for longer than that, for longer than a lease. */
static void freeze_one(void)
{
    struct process *process = any_process();
    const int64_t now_us = world_now_us();
    const int64_t for_us = one_in(3) ? between(0, SECOND) : between(SECOND, 5 * SECOND);
    counted->freezes += process_is_up(process);
    process_freeze(process, now_us + for_us);
    if (for_us > SESSION_US) {
        event_at(NULL, now_us + SESSION_US, on_session_over, process);
    }
}

static void on_postgres_back(void *arg)
{
    (void)arg;
    postgres_set_up(true);
}

static void on_kafka_back(void *arg)
{
    (void)arg;
    kafka_set_up(true);
}

static void end_postgres(void)
{
    counted->outages++;
    postgres_set_up(false);
    event_at(NULL, world_now_us() + between(10 * MS, 3 * SECOND), on_postgres_back, NULL);
}

static void end_kafka(void)
{
    counted->outages++;
    kafka_set_up(false);
    event_at(NULL, world_now_us() + between(10 * MS, 3 * SECOND), on_kafka_back, NULL);
}

/* Only a message that is published again after a while comes back from that. */
static void lose_records(void)
{
    if (records_may_be_lost) {
        kafka_lose_records();
    } else {
        kafka_wipe();
    }
}

/* What can happen, and how much of it there is. */
static void (*const disasters[])(void) = {kill_one,        kill_one,        kill_one,
                                          freeze_one,      freeze_one,      stop_one,
                                          end_postgres,    end_kafka,       postgres_break_connection,
                                          kafka_rebalance, kafka_rebalance, kafka_wipe,
                                          lose_records};

static void on_disaster(void *arg)
{
    (void)arg;
    if (!faults_are_over) {
        disasters[chance(COUNT_OF(disasters))]();
    }
}

/* From now on nothing fails, and everybody is up again. */
static void on_peace(void *arg)
{
    (void)arg;
    faults_are_over = true;
    faults = (struct faults){0};
    last_fault_us = world_now_us();
    tell("no more faults");
}

/* Each kind of fault is there in some schedules, seldom or often. */
static unsigned some(unsigned often)
{
    return one_in(2) ? 0 : often * (unsigned)between(1, 8);
}

static void choose_faults(void)
{
    faults = (struct faults){.statement_lost = some(6),
                             .statement_refused = some(10),
                             .statement_slow = some(10),
                             .record_unreported = some(6),
                             .record_dropped = some(6),
                             .record_refused = some(10),
                             .commit_failed = some(4),
                             .provider_refuses = some(4),
                             .provider_busy = some(3),
                             .provider_rejects = some(10),
                             .provider_ambiguous = some(3),
                             .provider_late = some(5),
                             .provider_garbled = some(6),
                             .caller_gone = some(4)};
}

/* They are allowed to make records early, or an hour late. */
static void choose_clocks(void)
{
    for (size_t i = 0; i < process_count(); i++) {
        process_set_clock(process_at(i),
                          one_in(6) ? between(-3600, 3600) * SECOND : between(-50 * MS, 50 * MS));
    }
}

static void begin(void)
{
    config = base;
    const bool hold = one_in(3);
    config.email_unknown_policy = hold ? "hold" : "resend";
    config.max_attempts = between(2, 4);
    const bool differ = one_in(8);
    records_may_be_lost = one_in(4);
    if (differ || records_may_be_lost) {
        config.republish_after_ms = REPUBLISH_AFTER_MS;
    }
    make_topics();
    database.kafka.cluster_id = text_of("cluster-1"); /* it was seen before */
    const struct {
        const char *name;
        process_run_fn *run;
        uint64_t most;
    } roles[] = {{"producer", producer_run, 2}, {"router", router_run, 2}, {"sender", sender_run, 3}};
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        static const char *const numbers[] = {"1", "2", "3"};
        for (uint64_t left = 1 + chance(roles[i].most); left > 0; left--) {
            char name[16];
            const int length = snprintf(name, sizeof name, "%s %s", roles[i].name, numbers[left - 1]);
            struct config *own = &named[process_count()];
            *own = config;
            own->instance_id = one_in(4) ? "" : world_copy(name, (size_t)length);
            struct process *process = process_new(world_copy(name, (size_t)length), roles[i].run, own);
            event_at(NULL, between(0, 20 * MS), on_restart, process);
        }
    }
    if (differ) {
        choose_clocks();
    }
    invariants_reset(hold, differ);
    choose_faults();
    const int64_t ends_us = between(2 * SECOND, 6 * SECOND);
    for (unsigned left = (unsigned)between(1, 10); left > 0; left--) {
        caller_begin(left, between(0, ends_us / 2));
    }
    for (unsigned left = (unsigned)between(0, 4); left > 0; left--) {
        upstream_begin(left, between(0, ends_us / 2));
    }
    for (int64_t left = between(0, 8); left > 0; left--) {
        event_at(NULL, between(0, ends_us), on_disaster, NULL);
    }
    faults_are_over = false;
    last_fault_us = 0;
    event_at(NULL, ends_us, on_peace, NULL);
}

static bool is_at_rest(void)
{
    return faults_are_over && callers_done() == callers_count() && upstream_waiting() == 0 &&
           provider_open_requests() == 0 && kafka_in_flight() == 0 && postgres_statements() == 0 &&
           invariants_at_rest(false);
}

static void count(void)
{
    counted->steps += world_steps();
    counted->messages += database.message_count;
    for (size_t i = 0; i < database.message_count; i++) {
        const enum state state = database.messages[i].status;
        counted->sent += state == STATE_SENT;
        counted->unknown += state == STATE_UNKNOWN;
        counted->given_up += state == STATE_FAILED || state == STATE_EXPIRED;
    }
    for (const struct taken *taken = provider_taken(); taken; taken = taken->next) {
        for (const struct taken *before = taken->next; before; before = before->next) {
            counted->taken_again += memcmp(&taken->id, &before->id, sizeof taken->id) == 0;
        }
    }
    const int64_t rest_us = world_now_us() - last_fault_us;
    counted->longest_rest_us = rest_us > counted->longest_rest_us ? rest_us : counted->longest_rest_us;
}

const char *schedule_run(uint64_t seed, bool verbose, struct schedule_result *result)
{
    counted = result;
    world_reset(seed, verbose);
    processes_reset();
    postgres_reset();
    kafka_reset();
    provider_reset();
    callers_reset();
    upstream_reset();
    process_on_end(on_end);
    begin();
    while (!world_violation() && world_step()) {
        if (faults_are_over && world_steps() % 32 == 0) {
            if (is_at_rest()) {
                break;
            }
            if (world_now_us() > last_fault_us + REST_LIMIT_US) {
                (void)invariants_at_rest(true);
                violated("not all come to rest: %zu of %zu callers are done, %zu requests from upstream wait",
                         callers_done(), callers_count(), upstream_waiting());
            }
        }
    }
    count();
    process_on_end(NULL);
    return world_violation();
}
