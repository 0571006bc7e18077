#include "sandbox/proof/findings.h"

#include <string.h>

const struct finding_row finding_table[FINDINGS] = {
    [FOUND_UNFINISHED] = {"unfinished", true,
                          "QUEUED, SENDING or SCHEDULED now, or in outbound.requests and not read yet"},
    [FOUND_LOST] = {"lost", true, "accepted and not in the database, or SENT there and taken by no provider"},
    [FOUND_PHANTOM] = {"phantom", true, "taken by a provider though nobody asked for it, or it was refused"},
    [FOUND_DUPLICATE_EXPLAINED] = {"duplicatesExplained", false,
                                   "taken again after attempts that are on record as UNKNOWN"},
    [FOUND_DUPLICATE_UNEXPLAINED] = {"duplicatesUnexplained", true, "taken again otherwise"},
    [FOUND_DISAGREEING] =
        {"disagreeing", true,
         "status or attempts say something else than the provider saw, or what was refused is stored"},
    [FOUND_CHANGED] = {"changed", true, "taken with another id, recipient, channel or content"},
    [FOUND_LETTERLESS] = {"letterless", true,
                          "FAILED, EXPIRED or UNKNOWN, with no dead letter and none announced"},
};

/* NULL: the database knows of no such attempt. */
static const struct ledger_attempt *attempt_of(const struct ledger_message *message, int32_t number)
{
    const struct ledger_attempt *attempt = message->attempts;
    while (attempt && attempt->number != number) {
        attempt = attempt->next;
    }
    return attempt;
}

static bool is_unknown(const struct ledger_message *message, int32_t number)
{
    const struct ledger_attempt *attempt = attempt_of(message, number);
    return attempt && attempt->outcome == 'U';
}

/* In the order of attempts: an older one may reach the provider later. They are few. */
static void sort_taken(struct ledger_message *message)
{
    struct ledger_taken *sorted = NULL;
    for (struct ledger_taken *taken; (taken = message->taken);) {
        message->taken = taken->next;
        struct ledger_taken **place = &sorted;
        while (*place && (*place)->attempt < taken->attempt) {
            place = &(*place)->next;
        }
        taken->next = *place;
        *place = taken;
    }
    message->taken = sorted;
}

static int unknown_attempts(const struct ledger_message *message)
{
    int count = 0;
    for (const struct ledger_attempt *attempt = message->attempts; attempt; attempt = attempt->next) {
        count += attempt->outcome == 'U';
    }
    return count;
}

/*
 * A message may be taken again only when all that was taken before it is UNKNOWN, and by another attempt.
 * Where the provider was not told the attempt, each UNKNOWN one is good for one more.
 */
static void judge_duplicates(const struct ledger_message *message, int found[FINDINGS])
{
    int allowed = unknown_attempts(message);
    bool undecided = true;
    for (const struct ledger_taken *taken = message->taken; taken && taken->next; taken = taken->next) {
        bool explained;
        if (taken->attempt == 0) {
            explained = allowed-- > 0;
        } else {
            undecided = undecided && is_unknown(message, taken->attempt);
            explained = undecided && taken->attempt != taken->next->attempt;
        }
        found[explained ? FOUND_DUPLICATE_EXPLAINED : FOUND_DUPLICATE_UNEXPLAINED]++;
    }
}

static bool is_finished(const struct ledger_message *message)
{
    return message->state != STATE_QUEUED && message->state != STATE_SENDING &&
           message->state != STATE_SCHEDULED;
}

/* An attempt that was taken is SENT or UNKNOWN; one that is under way has no row yet. */
static bool attempts_agree(const struct ledger_message *message)
{
    for (const struct ledger_taken *taken = message->taken; taken; taken = taken->next) {
        const struct ledger_attempt *attempt = attempt_of(message, taken->attempt);
        if (taken->attempt != 0 &&
            (attempt ? attempt->outcome != 'S' && attempt->outcome != 'U' : is_finished(message))) {
            return false;
        }
    }
    return true;
}

static bool was_taken_by(const struct ledger_message *message, int32_t number)
{
    for (const struct ledger_taken *taken = message->taken; taken; taken = taken->next) {
        if (taken->attempt == number || taken->attempt == 0) {
            return true;
        }
    }
    return false;
}

/* What one says to be SENT was taken, and nothing else says otherwise. */
static bool status_agrees(const struct ledger_message *message)
{
    bool sent = false;
    for (const struct ledger_attempt *attempt = message->attempts; attempt; attempt = attempt->next) {
        sent = sent || attempt->outcome == 'S';
        if (attempt->outcome == 'S' && !was_taken_by(message, attempt->number)) {
            return false;
        }
    }
    if (message->state == STATE_SENT) {
        return sent; /* by nobody's word but an attempt's */
    }
    const bool given_up = message->state == STATE_FAILED || message->state == STATE_EXPIRED ||
                          message->state == STATE_CANCELLED;
    return !sent && (!given_up || !message->taken || unknown_attempts(message) > 0);
}

void findings_judge(struct ledger_message *message, int ret_found[FINDINGS])
{
    memset(ret_found, 0, FINDINGS * sizeof *ret_found);
    sort_taken(message);
    for (const struct ledger_taken *taken = message->taken; taken; taken = taken->next) {
        ret_found[FOUND_CHANGED] |= taken->changed;
    }
    ret_found[FOUND_PHANTOM] = message->end == ASKED_REFUSED && message->taken;
    judge_duplicates(message, ret_found);
    if (!message->stored) {
        ret_found[FOUND_UNFINISHED] = message->may_be_unread;
        ret_found[FOUND_LOST] = message->end == ASKED_ACCEPTED && !message->may_be_unread;
        ret_found[FOUND_DISAGREEING] = message->taken && message->end == ASKED_UNANSWERED;
        return;
    }
    ret_found[FOUND_UNFINISHED] = !is_finished(message);
    ret_found[FOUND_LOST] = message->state == STATE_SENT && !message->taken;
    ret_found[FOUND_LETTERLESS] = message->letterless;
    const bool agreeing = attempts_agree(message) && (!is_finished(message) || status_agrees(message));
    ret_found[FOUND_DISAGREEING] = message->end == ASKED_REFUSED || (!ret_found[FOUND_LOST] && !agreeing);
}
