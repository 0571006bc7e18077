/*
 * kafka_rest.h - lets librdkafka's main threads sleep while nothing comes.
 *
 * Before 2.4.0 such a thread wakes up to a millisecond before each of its timers and then looks at the clock
 * without pause until it is time (librdkafka #4684): about 0.2 % of a core for each idle consumer. A thread
 * that the kernel may wake up to two milliseconds late (PR_SET_TIMERSLACK, prctl(2)) is never early. What is
 * in a hurry is with other threads, or wakes the main thread by itself.
 */
#ifndef BASE_KAFKA_REST_H
#define BASE_KAFKA_REST_H

#include <librdkafka/rdkafka.h>

/* For the client that is made of `conf`. A copy of `conf` has to be told again: rd_kafka_conf_dup() leaves it
 * out. */
void kafka_rest(rd_kafka_conf_t *conf);

#endif
