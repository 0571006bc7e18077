/*
 * ledger.h - what is known of each message that was asked for: by the journals, by the database, and by the
 * providers.
 *
 * A million messages take about 300 MB.
 */
#ifndef SANDBOX_PROOF_LEDGER_H
#define SANDBOX_PROOF_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "base/attributes.h"
#include "base/text.h"
#include "base/uuid.h"
#include "schemas/channels.h"
#include "schemas/states.h"

/* How the request for it ended. */
enum asked_end { ASKED_UNANSWERED, ASKED_ACCEPTED, ASKED_REFUSED };

/* An attempt, as outbound_attempt has it. */
struct ledger_attempt {
    struct ledger_attempt *next;
    int32_t number;
    char outcome; /* the first letter: SENT, RETRY, FAILED, UNKNOWN */
};

/* Taken by a provider. */
struct ledger_taken {
    struct ledger_taken *next;
    int32_t attempt; /* 0: the provider was not told */
    bool changed;    /* id, recipient, channel or content is another */
};

struct ledger_message {
    UT_hash_handle by_key;
    UT_hash_handle by_id;
    struct uuid id; /* when has_id */
    uint64_t fingerprint;
    struct ledger_attempt *attempts; /* the newest first */
    struct ledger_taken *taken;      /* the last one first */
    enum asked_end end : 8;
    enum state state : 8; /* when stored */
    bool has_ended;       /* the journal says how */
    bool by_kafka;
    bool may_be_unread; /* the router has not read all of outbound.requests */
    bool has_id;
    bool stored;     /* in outbound_message, or in its archive */
    bool letterless; /* given up without a dead letter */
    char key[];
};

struct ledger;

struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger); /* NULL is fine */

/* What recipient, channel and text have to be like; 64 bits of SHA-256. */
uint64_t ledger_fingerprint(struct text channel, struct text to, struct text text);

/* NULL when there is one with this key. */
MUST_CHECK struct ledger_message *ledger_add(struct ledger *ledger, const char *key);

struct ledger_message *ledger_find(const struct ledger *ledger, struct text key);
struct ledger_message *ledger_find_id(const struct ledger *ledger, const struct uuid *id);

/* False: another message has this id, or the message has another one. */
MUST_CHECK bool ledger_set_id(struct ledger *ledger, struct ledger_message *message, const struct uuid *id);

void ledger_add_attempt(struct ledger_message *message, int32_t number, char outcome);
void ledger_add_taken(struct ledger_message *message, int32_t attempt, bool changed);

/* The first one that was added, and the one after; NULL at the end. */
struct ledger_message *ledger_first(const struct ledger *ledger);
struct ledger_message *ledger_next(const struct ledger_message *message);

#endif
