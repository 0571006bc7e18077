/*
 * base/kafka_producer.h: records on their way to the cluster, and the reports about them.
 */
#include "base/kafka_producer.h"

#include "tests/model/invariants.h"
#include "tests/model/servers.h"
#include "tests/model/world.h"

static size_t records_on_their_way;

void kafka_producers_reset(void)
{
    records_on_their_way = 0;
}

struct flight {
    struct flight *next;
    struct flight *previous;
    struct kafka_producer *producer;
    struct topic_log *topic;
    int64_t partition;
    struct record *record;
    uint64_t ticket;
    unsigned cluster; /* that its client's producer id is of */
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
    unsigned cluster;      /* of the client, since it was opened */
    bool outdated;         /* the client is being replaced */
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
                                        .cluster = kafka_cluster(),
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
    report(arg, ((struct flight *)arg)->producer->outdated ? "a new client" : NULL);
}

static void on_refused(void *arg)
{
    report(arg, "the queue is full");
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
    if (!kafka_is_up() && !dead && now_us < flight->gives_up_us) {
        event_at(NULL, now_us + 200 * MS, on_record_arrives, flight); /* librdkafka tries again */
        return;
    }
    records_on_their_way--;
    if (!kafka_is_up() || (dead && one_in(2))) {
        return;
    }
    /* Another cluster hands out the same producer ids: the record may pass for a repetition of another's. */
    if (flight->cluster == kafka_cluster() || one_in(2)) {
        kafka_write(flight->topic, flight->partition, flight->record);
    } else {
        tell("Kafka: a record for %s passes for a repetition", flight->topic->name);
        if (topic_is_of_senders(
                flight->topic)) { /* a router's, who reads again when he learns of the rebuild */
            invariant_record_lost(flight->record);
        }
    }
    if (!dead && !flight->unreported && now_us < flight->gives_up_us) {
        event_at(flight->producer->process, now_us + between(100, 3 * MS), on_reported, flight);
    }
}

bool kafka_producer_send(struct kafka_producer *producer, const struct kafka_record_out *out)
{
    if (producer->outdated) {
        return false;
    }
    const int64_t now_us = world_now_us();
    struct flight *flight = WORLD_NEW(struct flight);
    *flight = (struct flight){.next = producer->flights.next,
                              .previous = &producer->flights,
                              .producer = producer,
                              .topic = kafka_topic(out->topic),
                              .partition = kafka_partition(out),
                              .record = kafka_record(out),
                              .ticket = out->ticket,
                              .cluster = producer->cluster,
                              .gives_up_us = now_us + producer->timeout_us,
                              .unreported = one_in(faults.record_unreported)};
    flight->next->previous = flight;
    producer->flights.next = flight;
    producer->in_flight++;
    const bool refused = one_in(faults.record_refused);
    const bool dropped = one_in(faults.record_dropped);
    if (refused) {
        event_at(producer->process, now_us + between(0, 10 * MS), on_refused, flight); /* with its burst */
    } else if (!dropped) {
        records_on_their_way++;
        const int64_t late_us = flight->unreported ? producer->timeout_us * 3 / 2 : 5 * MS;
        event_at(NULL, now_us + between(500, late_us), on_record_arrives, flight);
    }
    event_at(producer->process, flight->gives_up_us, on_given_up, flight);
    return true;
}

size_t kafka_producer_in_flight(const struct kafka_producer *producer)
{
    return producer->in_flight;
}

bool kafka_producer_is_connected(const struct kafka_producer *producer)
{
    (void)producer;
    return kafka_is_up();
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

static void on_reopened(void *arg)
{
    struct kafka_producer *producer = arg;
    while (producer->flights.next != &producer->flights) {
        report(producer->flights.next, "a new client");
    }
    producer->outdated = false;
    producer->cluster = kafka_cluster();
}

void kafka_producer_reopen(struct kafka_producer *producer)
{
    if (producer) {
        producer->outdated = true;
        event_at(producer->process, world_now_us(), on_reopened, producer);
    }
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
