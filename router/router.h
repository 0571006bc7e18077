/*
 * router.h - where a record goes next.
 */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include "base/kafka.h"
#include "schemas/config.h"
#include "schemas/errors.h"
#include "schemas/reference.h"
#include "schemas/topics.h"

/*
 * When a record of a retry tier is due, Unix time in ms; 0 for at once, which a record without the header is.
 * False: the header cannot be read, or asks for more than anything here waits.
 */
MUST_CHECK bool route_due_at(const rd_kafka_message_t *record, int64_t *ret_due_at_ms);

/*
 * When a record of a tier is due at the latest, whatever its header says: Kafka's time of the record and the
 * tier's delay, with the jitter and some room for clocks. Otherwise one wrong header would hold up all that
 * lies behind it.
 */
int64_t route_latest_ms(const rd_kafka_message_t *record);

/* Where a record of the accepted topic goes. */
struct route {
    enum topic topic;
    enum error_code code;   /* why it goes to the dead letters; else ERROR_NONE */
    bool by_key;            /* its key chooses the partition there, too */
    struct uuid message_id; /* without a `code` */
};

struct route route_decide(const rd_kafka_message_t *record);

#endif
