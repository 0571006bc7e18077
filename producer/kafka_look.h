/*
 * kafka_look.h - asks Kafka whether it is still the one that PostgreSQL knows. Blocking; runs in libuv's
 * pool.
 */
#ifndef PRODUCER_KAFKA_LOOK_H
#define PRODUCER_KAFKA_LOOK_H

#include <jansson.h>
#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"
#include "schemas/topic_admin.h"

enum kafka_look_result {
    KAFKA_LOOK_UNANSWERED, /* nothing is known: `why` says what failed */
    KAFKA_LOOK_FINE,
    KAFKA_LOOK_LOST, /* its records are gone: `why` says by what that is seen; the topics are there again */
    KAFKA_LOOK_NO_TOPICS, /* the same, and they are not: `error` says why */
};

struct kafka_look {
    struct topic_admin admin;
    rd_kafka_topic_t *topics[TOPIC_ADMIN_MAX]; /* those of `admin` */
    unsigned missing;                          /* looks in a row that missed a topic */

    /* What the last look found in order, so that the next few need not ask for it again. */
    rd_kafka_topic_partition_list_t *partitions; /* NULL: to be asked for */
    json_t *unasked;                             /* the same as `ask` answers it, no end known yet */
    unsigned looks;                              /* since they were asked for */

    /* The question; the caller's. */
    char *cluster_id; /* as recorded; NULL: none */
    json_t *ends;     /* as recorded */

    /* The answer. */
    enum kafka_look_result result;
    char *seen_cluster_id; /* NULL: the cluster has none */
    json_t *seen_ends;     /* merged with those of the question; without the lost topics */
    json_t *lost;          /* an array of the names of topics, or of "*": all */
    char why[256];
    char unknown[256]; /* a topic of which nothing can be known now, and why; "": none */
    struct error error;
};

/* False, with the reason, when a setting is wrong. */
MUST_CHECK bool kafka_look_open(struct kafka_look *look, const struct config *config, struct error *error);
void kafka_look_close(struct kafka_look *look);

/* Asks, and creates the topics when it finds them lost. */
void kafka_look(struct kafka_look *look);

#endif
