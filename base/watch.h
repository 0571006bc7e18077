/*
 * watch.h - tells one listener of the process what it does with its servers, for metrics.
 *
 * Called on the loop, for each statement and each record: a listener has to be quick. Strings are valid
 * during the call only; a statement is valid for ever.
 */
#ifndef BASE_WATCH_H
#define BASE_WATCH_H

#include <stdint.h>

struct pg_statement;

struct watch {
    /* PostgreSQL has answered, or the connection was lost. */
    void (*statement)(void *arg, const struct pg_statement *statement, int64_t duration_us);
    /* A connection to PostgreSQL came up (1) or went away (-1). */
    void (*connection)(void *arg, int change);
    /* Kafka has acknowledged a record; with `error`, librdkafka's name of it, it has not. */
    void (*record_sent)(void *arg, const char *topic, const char *error);
    /* A record is done with. */
    void (*record_consumed)(void *arg, const char *group_id, const char *topic);
    void *arg;
};

/* `watch` is copied; NULL: nobody listens, as at first. All functions have to be there. */
void watch_set(const struct watch *watch);

/* For those who have something to tell. */
void watch_statement(const struct pg_statement *statement, int64_t duration_us);
void watch_connection(int change);
void watch_record_sent(const char *topic, const char *error);
void watch_record_consumed(const char *group_id, const char *topic);

#endif
