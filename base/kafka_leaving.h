/*
 * kafka_leaving.h - clients that leave their consumer group, and hold nobody up while they do.
 *
 * rd_kafka_consumer_close() waits for answers as long as it takes. A client that is only left lying beats on
 * in its threads: it stays a member, and keeps its partitions from others, for as long as
 * max.poll.interval.ms. So it is closed step by step. At once it beats no more; a coordinator that does not
 * hear that it leaves puts it out when the session is over.
 */
#ifndef BASE_KAFKA_LEAVING_H
#define BASE_KAFKA_LEAVING_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Those that have not left yet; NULL: none. */
struct kafka_leaving;

/*
 * Waits `wait_ms` at most, and true: it has left and may be destroyed. Else it is put into the list. Its
 * rebalance callback has to assign it nothing.
 */
bool kafka_leave(struct kafka_leaving **leaving, rd_kafka_t *kafka, int wait_ms);

/* To be called now and then. Those that have left are forgotten, not destroyed: their records may be in use.
 */
void kafka_leaving_serve(struct kafka_leaving **leaving);

/* Forgets them all. */
void kafka_leaving_release(struct kafka_leaving **leaving);

#endif
