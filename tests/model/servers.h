/*
 * servers.h - PostgreSQL, Kafka, the provider and the callers, as the processes of a schedule meet them, and
 * what can go wrong with each.
 */
#ifndef MODEL_SERVERS_H
#define MODEL_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/kafka_producer.h"
#include "base/uuid.h"
#include "schemas/reference.h"
#include "tests/model/database.h"
#include "tests/model/process.h"

/* How bad a schedule is: once in so many, 0 for never. All zero is a world in which nothing fails. */
struct faults {
    unsigned statement_lost;     /* the connection breaks between a statement and its answer */
    unsigned statement_refused;  /* PostgreSQL has no room for it now */
    unsigned statement_slow;     /* its answer takes so long that the connection counts as lost */
    unsigned record_unreported;  /* a record arrives, its report does not */
    unsigned record_dropped;     /* it does not arrive */
    unsigned record_refused;     /* librdkafka does not take it */
    unsigned commit_failed;      /* the group's coordinator does not answer */
    unsigned provider_refuses;   /* no connection */
    unsigned provider_busy;      /* 429 or 503 */
    unsigned provider_rejects;   /* 400 */
    unsigned provider_ambiguous; /* takes it or not, and the answer is lost */
    unsigned provider_late;      /* takes it when nobody waits any more */
    unsigned provider_garbled;   /* takes it and says something else */
    unsigned caller_gone;        /* a caller does not hear the answer */
};

extern struct faults faults;

/* Empty, up, and without a fault. */
void postgres_reset(void);
void kafka_reset(void);
void kafka_producers_reset(void);
void provider_reset(void);
void callers_reset(void);
void upstream_reset(void);

/* PostgreSQL (pg.c) */
extern struct database database;
void postgres_set_up(bool up);        /* down: every connection breaks, none is made */
void postgres_break_connection(void); /* one of them, whichever */
size_t postgres_statements(void);     /* on their way to it */

/* Kafka (kafka.c, groups.c, kafka_producer.c) */
#define PARTITIONS 2
#define TOPICS_MAX 20
#define RECORD_HEADERS_MAX 16

struct record {
    char *key;
    size_t key_length;
    char *value;
    size_t value_length;
    struct kafka_header headers[RECORD_HEADERS_MAX];
    size_t header_count;
    int64_t timestamp_ms;
    struct uuid id; /* of the reference that it is or holds */
    int32_t fence;
    const char *request; /* that it brings from upstream; NULL: none */
    unsigned handed_out; /* how often */
    bool lost;           /* by Kafka: nobody reads it any more */
};

struct log_of_partition {
    struct record **records;
    int64_t count;
    int64_t room;
};

struct topic_log {
    const char *name;
    struct log_of_partition partitions[PARTITIONS];
    int64_t committed[PARTITIONS]; /* by the one group that reads it */
    char mark[PARTITIONS][24];     /* what the commit says beside the offset */
};

void kafka_set_up(bool up);
bool kafka_is_up(void);
void kafka_rebalance(void); /* of a group, whichever */
const char *kafka_cluster_id(void);
unsigned kafka_cluster(void); /* the how manieth it is */
void kafka_wipe(void);        /* it comes back as another cluster, with the same topics and nothing in them */
void kafka_lose_records(void); /* those of a partition that nobody has committed yet */
struct topic_log *kafka_topic(const char *name);
size_t kafka_topic_count(void);
struct topic_log *kafka_topic_at(size_t index);
/* A record as it goes over the wire, and where it goes; then it is written. The last one does all at once. */
struct record *kafka_record(const struct kafka_record_out *out);
int64_t kafka_partition(const struct kafka_record_out *out);
void kafka_write(struct topic_log *topic, int64_t partition, struct record *record);
struct record *kafka_append(const struct kafka_record_out *out);
/* The process was frozen for longer than its session lasts, or is dead since then. */
void kafka_session_over(struct process *process);
size_t kafka_in_flight(void); /* records on their way to it */

/* The provider (provider.c) */
struct taken {
    struct taken *next;
    struct uuid id;
    int32_t attempt_no;
    int64_t at_us;
};

const struct taken *provider_taken(void); /* the last one first */
bool provider_took(const struct uuid *id, int32_t attempt_no);
size_t provider_open_requests(void);

/* The callers (callers.c): each posts a message, and the same again until it is accepted or he gives up. */
void caller_begin(unsigned number, int64_t at_us);
size_t callers_done(void);
size_t callers_count(void);

/* Services upstream (upstream.c) */
void upstream_begin(unsigned number, int64_t at_us);
bool upstream_is_stored(const char *request);
size_t upstream_waiting(void); /* requests that are not stored, and can be */

#endif
