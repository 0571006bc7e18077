/*
 * store.h - stores new messages, each once: many in one transaction (group commit), with their outbox rows.
 *
 * There is one for a process, with a connection of its own. Messages that come while a batch is under way
 * gather and become the next: the busier, the larger the batches, and the cheaper each message. A second
 * connection would halve the batches and pay for each statement twice (measured, see ARCHITECTURE.md).
 */
#ifndef SCHEMAS_STORE_H
#define SCHEMAS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/pg.h"
#include "schemas/config.h"
#include "schemas/new_message.h"

/* The first member of what the caller keeps of a message that passed new_message_check(). */
struct store_item {
    struct store_item *next; /* the store's, until it has answered */
    struct new_message message;
    int tries; /* the store's; 0 at first */
};

/* Exactly one of them answers each message, from the loop; then it is the caller's again. */
struct store_answers {
    void (*stored)(void *arg, struct store_item *message, int64_t outbox_id);
    /* It was there before, with the same content; as what, and in which status it is now. */
    void (*repeated)(void *arg, struct store_item *message, const char *id, const char *status);
    /* Its id or its key was there before, with another content. */
    void (*conflicting)(void *arg, struct store_item *message);
    /* The database's trouble, which passes. It may be stored all the same: then a repetition finds it. */
    void (*not_stored)(void *arg, struct store_item *message, const char *why);
    /* The database will never take it, though it has passed all checks. */
    void (*impossible)(void *arg, struct store_item *message, const char *why);
};

/* A transaction: of the messages in it those are new that are answered with stored. */
struct store_commit {
    const struct store_item *first; /* and so on by `next` */
    size_t count;
    const struct pg_statement *statement;
    int64_t sent_us; /* monotonic */
};

struct store_options {
    uv_loop_t *loop;
    const struct config *config;
    const char *application_name; /* in pg_stat_activity */
    bool told; /* callers learn by an event that their message was stored: they have no other answer */
    /* A batch may be sent before the one ahead is answered. If that one is refused, it is stored after this
     * one. */
    bool ahead;
    struct store_answers answers;
    void (*on_up)(void *arg); /* each time there is a connection; may be NULL */
    void (*on_commit)(void *arg, const struct store_commit *commit); /* before the answers; may be NULL */
    void *arg;
};

struct store *store_open(const struct store_options *options);

/* Answers everything that it still has with not_stored. NULL is fine. */
void store_close(struct store *store);

bool store_is_up(const struct store *store);

/* Messages that wait for a transaction. */
size_t store_waiting(const struct store *store);

/* Without a connection the answer is not_stored. Never answers from within the call. */
void store_add(struct store *store, struct store_item *message);

#endif
