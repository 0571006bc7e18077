#include "sandbox/proof/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/memory.h"

struct ledger {
    struct ledger_message *keys; /* uthash: the first message stands for the table */
    struct ledger_message *ids;
};

struct ledger *ledger_new(void)
{
    return NEW(struct ledger);
}

static void message_free(struct ledger_message *message)
{
    for (struct ledger_attempt *attempt; (attempt = message->attempts);) {
        message->attempts = attempt->next;
        free(attempt);
    }
    for (struct ledger_taken *taken; (taken = message->taken);) {
        message->taken = taken->next;
        free(taken);
    }
    free(message);
}

void ledger_free(struct ledger *ledger)
{
    if (!ledger) {
        return;
    }
    struct ledger_message *message = ledger->keys;
    HASH_CLEAR(by_id, ledger->ids);
    HASH_CLEAR(by_key, ledger->keys); /* the messages stay chained */
    for (struct ledger_message *next; message; message = next) {
        next = message->by_key.next;
        message_free(message);
    }
    free(ledger);
}

uint64_t ledger_fingerprint(struct text channel, struct text to, struct text text)
{
    const struct text fields[] = {channel, to, text};
    unsigned char digests[COUNT_OF(fields)][DIGEST_SIZE];
    unsigned char digest[DIGEST_SIZE];
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        digest_sha256(fields[i].bytes ? fields[i].bytes : "", fields[i].length, digests[i]);
    }
    digest_sha256(digests, sizeof digests, digest);
    uint64_t fingerprint;
    memcpy(&fingerprint, digest, sizeof fingerprint);
    return fingerprint;
}

struct ledger_message *ledger_add(struct ledger *ledger, const char *key)
{
    const size_t length = strlen(key);
    if (ledger_find(ledger, (struct text){key, length})) {
        return NULL;
    }
    struct ledger_message *message = memory_new(sizeof *message + length + 1);
    memcpy(message->key, key, length + 1);
    HASH_ADD_KEYPTR(by_key, ledger->keys, message->key, length, message);
    return message;
}

struct ledger_message *ledger_find(const struct ledger *ledger, struct text key)
{
    struct ledger_message *message;
    HASH_FIND(by_key, ledger->keys, key.bytes, key.length, message);
    return message;
}

struct ledger_message *ledger_find_id(const struct ledger *ledger, const struct uuid *id)
{
    struct ledger_message *message;
    HASH_FIND(by_id, ledger->ids, id, sizeof *id, message);
    return message;
}

bool ledger_set_id(struct ledger *ledger, struct ledger_message *message, const struct uuid *id)
{
    if (message->has_id) {
        return memcmp(&message->id, id, sizeof *id) == 0;
    }
    if (ledger_find_id(ledger, id)) {
        return false;
    }
    message->id = *id;
    message->has_id = true;
    HASH_ADD(by_id, ledger->ids, id, sizeof message->id, message);
    return true;
}

void ledger_add_attempt(struct ledger_message *message, int32_t number, char outcome)
{
    struct ledger_attempt *attempt = NEW(struct ledger_attempt);
    *attempt = (struct ledger_attempt){.next = message->attempts, .number = number, .outcome = outcome};
    message->attempts = attempt;
}

void ledger_add_taken(struct ledger_message *message, int32_t attempt, bool changed)
{
    struct ledger_taken *taken = NEW(struct ledger_taken);
    *taken = (struct ledger_taken){.next = message->taken, .attempt = attempt, .changed = changed};
    message->taken = taken;
}

struct ledger_message *ledger_first(const struct ledger *ledger)
{
    return ledger->keys;
}

struct ledger_message *ledger_next(const struct ledger_message *message)
{
    return message->by_key.next;
}
