#include "tests/model/invariants.h"

#include <string.h>

#include "schemas/topics.h"
#include "tests/model/rebuild.h"
#include "tests/model/world.h"

/* What is known of a message beside its row. */
struct known {
    bool accepted;
    bool queued_now; /* by the statement that runs */
    bool record_lost;
    int32_t sends_fence; /* of the records in the topics of senders that came last, of whatever cluster */
    unsigned sends;      /* how many of that fence there were */
    const struct process *claimed_by;
    unsigned life;
    bool claim_answered;
    int64_t claimed_at_us;
};

static struct known known[MESSAGES_MAX];
static bool holds;
static bool clocks_are_wrong;
static bool was_due; /* a rebuild, after the last statement */

static struct known *known_of(const struct message_row *message)
{
    return &known[message - database.messages];
}

/* Its last digits: the first are the time, and much the same for all. */
static const char *short_id(const struct message_row *message)
{
    return message->id_text + 28;
}

static bool is_final(enum state state)
{
    return state == STATE_SENT || state == STATE_FAILED || state == STATE_EXPIRED || state == STATE_UNKNOWN;
}

static bool is_given_up(enum state state)
{
    return is_final(state) && state != STATE_SENT;
}

static bool is_dlq(const char *topic)
{
    return strcmp(topic, topic_name(TOPIC_DLQ)) == 0;
}

static bool is_of(const struct record *record, const struct message_row *message, int32_t fence)
{
    return record->fence == fence && memcmp(&record->id, &message->id, sizeof message->id) == 0;
}

static bool has_letter(const struct message_row *message, int32_t fence)
{
    const struct topic_log *topic = kafka_topic(topic_name(TOPIC_DLQ));
    for (int p = 0; p < PARTITIONS; p++) {
        for (int64_t i = 0; i < topic->partitions[p].count; i++) {
            if (is_of(topic->partitions[p].records[i], message, fence)) {
                return true;
            }
        }
    }
    return false;
}

/* Records of the message's next attempt that somebody has still to read; `limit` counts as committed in one
 * place.
 */
static unsigned live_records(const struct message_row *message, int32_t fence, const struct topic_log *where,
                             int32_t partition, int64_t limit)
{
    unsigned count = 0;
    for (size_t t = 0; t < kafka_topic_count(); t++) {
        const struct topic_log *topic = kafka_topic_at(t);
        for (int p = 0; p < PARTITIONS && !is_dlq(topic->name); p++) {
            const int64_t committed =
                topic == where && p == partition && limit > topic->committed[p] ? limit : topic->committed[p];
            for (int64_t i = committed; i < topic->partitions[p].count; i++) {
                const struct record *record = topic->partitions[p].records[i];
                count += !record->lost && is_of(record, message, fence);
            }
        }
    }
    return count;
}

static bool has_outbox_row(const struct message_row *message)
{
    for (const struct outbox_row *row = database.outbox; row; row = row->next) {
        if (row->message == message && row->fence == message->fence) {
            return true;
        }
    }
    return false;
}

static void check_home(const struct message_row *message, const struct topic_log *where, int32_t partition,
                       int64_t limit, const char *when)
{
    if (message->status == STATE_QUEUED && !known_of(message)->record_lost && !rebuild_is_due(&database) &&
        !has_outbox_row(message) && live_records(message, message->fence, where, partition, limit) == 0) {
        violated("…%s is QUEUED, and nothing leads to it any more: %s", short_id(message), when);
    }
}

static void on_claims(struct message_row *message, int64_t record_fence)
{
    if (record_fence != message->fence) {
        violated("…%s is claimed by a record of attempt %lld, but attempt %d is next", short_id(message),
                 (long long)record_fence + 1, (int)message->fence + 1);
    }
    if (message->fence > 0) {
        const struct attempt_row *before = database_attempt(&database, message, message->fence);
        if (!before) {
            violated("…%s is claimed while attempt %d is undecided", short_id(message), (int)message->fence);
        } else if (!clocks_are_wrong && before->next_retry_at_us > database.now_us) {
            violated("…%s is claimed %lld µs before its pause is over", short_id(message),
                     (long long)(before->next_retry_at_us - database.now_us));
        }
    }
    struct known *about = known_of(message);
    about->claimed_by = database.client;
    about->life = database.client ? process_life(database.client) : 0;
    about->claim_answered = false;
    about->claimed_at_us = database.now_us;
    about->record_lost = false;
}

static void on_changes(struct message_row *message, enum state from, enum state to)
{
    tell("PostgreSQL: …%s %s → %s, fence %d", short_id(message), state_name(from), state_name(to),
         (int)message->fence);
    if (!state_may_change(from, to)) {
        violated("…%s goes from %s to %s", short_id(message), state_name(from), state_name(to));
    }
    known_of(message)->queued_now = to == STATE_QUEUED;
    if (to == STATE_QUEUED && !database_attempt(&database, message, message->fence) &&
        from == STATE_SENDING) {
        known_of(message)->queued_now = true;
    }
}

static void on_attempt(struct message_row *message, const struct attempt_row *attempt)
{
    const bool took = provider_took(&message->id, attempt->attempt_no);
    if (text_is(attempt->outcome, "SENT") && !took) {
        violated("attempt %d of …%s is SENT, and the provider never had it", (int)attempt->attempt_no,
                 short_id(message));
    }
    if (took && (text_is(attempt->outcome, "RETRY") || text_is(attempt->outcome, "FAILED"))) {
        violated("attempt %d of …%s is on record as not taken, and the provider has it",
                 (int)attempt->attempt_no, short_id(message));
    }
}

static void on_deletes(struct database *from, const struct outbox_row *row)
{
    (void)from;
    const struct message_row *message = row->message;
    if (!is_dlq(row->topic.bytes)) {
        check_home(message, NULL, 0, 0, "its outbox row is deleted");
    } else if (message->fence == row->fence && is_given_up(message->status) &&
               !has_letter(message, row->fence) && !rebuild_is_due(&database)) {
        violated("the outbox row of a dead letter of …%s is deleted, and Kafka has no such letter",
                 short_id(message));
    }
}

/* Who waits is announced or in Kafka, and so is each letter. */
static void check_rebuilt(void)
{
    for (size_t i = 0; i < database.message_count; i++) {
        const struct message_row *message = &database.messages[i];
        check_home(message, NULL, 0, 0, "Kafka is rebuilt");
        if (is_given_up(message->status) && !known[i].record_lost && !has_letter(message, message->fence) &&
            !has_outbox_row(message)) {
            violated("Kafka is rebuilt, and nothing leads to a dead letter of …%s", short_id(message));
        }
    }
}

static void on_end(struct database *from)
{
    const bool is_due = rebuild_is_due(from);
    if (was_due && !is_due) {
        check_rebuilt();
    }
    was_due = is_due;
    for (size_t i = 0; i < from->message_count; i++) {
        struct message_row *message = &from->messages[i];
        if (known[i].queued_now) {
            known[i].queued_now = false;
            check_home(message, NULL, 0, 0, "it is queued again");
            if (message->fence > 0 && !database_attempt(from, message, message->fence)) {
                violated("…%s is queued again without a word about attempt %d", short_id(message),
                         (int)message->fence);
            }
        }
        if (message->status == STATE_SENDING && !message->lease_until_us) {
            violated("…%s is SENDING without an end", short_id(message));
        }
    }
}

void invariants_reset(bool hold, bool clocks_differ)
{
    memset(known, 0, sizeof known);
    holds = hold;
    clocks_are_wrong = clocks_differ;
    was_due = false;
    database_listener = (struct database_listener){.claims = on_claims,
                                                   .changes = on_changes,
                                                   .attempt = on_attempt,
                                                   .deletes = on_deletes,
                                                   .ends = on_end};
}

void invariant_said_accepted(const char *idempotency_key, const char *id_text)
{
    struct uuid id;
    struct message_row *message =
        uuid_parse(id_text, UUID_TEXT_SIZE - 1, &id) ? database_find(&database, &id) : NULL;
    if (!message || !text_is(message->idempotency_key, idempotency_key)) {
        violated("202 is said to %s, and PostgreSQL has no such message", idempotency_key);
        return;
    }
    known_of(message)->accepted = true;
}

/* The process knows from now on that it has them. */
void invariant_claim_answered(const struct answer *answer, const struct pg_params *params)
{
    (void)params;
    for (int row = 0; row < answer->rows; row++) {
        for (size_t i = 0; i < database.message_count; i++) {
            const struct text to = answer->values[row * answer->columns + 5];
            if (database.messages[i].to.bytes == to.bytes) {
                known[i].claim_answered = known[i].claimed_by == process_current();
            }
        }
    }
}

void invariant_request_leaves(const struct uuid *id, int32_t attempt_no, struct text to)
{
    const struct message_row *message = database_find(&database, id);
    if (!message) {
        violated("a request leaves for a message that nobody has");
        return;
    }
    if (to.length != message->to.length || memcmp(to.bytes, message->to.bytes, to.length) != 0) {
        violated("…%s goes to another recipient", short_id(message));
    }
    if (message->status != STATE_SENDING || message->fence != attempt_no) {
        violated("a request leaves for attempt %d of …%s, which is %s and at fence %d", (int)attempt_no,
                 short_id(message), state_name(message->status), (int)message->fence);
    } else if (message->lease_until_us < world_wall_us()) {
        violated("a request leaves for attempt %d of …%s after its lease", (int)attempt_no,
                 short_id(message));
    }
}

void invariant_taken(const struct uuid *id, int32_t attempt_no)
{
    const struct message_row *message = database_find(&database, id);
    if (!message) {
        return;
    }
    const struct attempt_row *own = database_attempt(&database, message, attempt_no);
    if (own && !text_is(own->outcome, "UNKNOWN")) {
        violated("the provider takes attempt %d of …%s, which was decided as %s", (int)attempt_no,
                 short_id(message), own->outcome.bytes);
    }
    for (const struct taken *taken = provider_taken(); taken; taken = taken->next) {
        if (memcmp(&taken->id, id, sizeof *id) != 0) {
            continue;
        }
        const struct attempt_row *other = database_attempt(&database, message, taken->attempt_no);
        if (holds) {
            violated("the provider takes …%s twice, and the policy is hold", short_id(message));
        } else if (taken->attempt_no == attempt_no) {
            violated("the provider takes attempt %d of …%s twice", (int)attempt_no, short_id(message));
        } else if (taken->attempt_no < attempt_no && (!other || !text_is(other->outcome, "UNKNOWN"))) {
            violated("the provider takes attempt %d of …%s, and attempt %d, which it has, is not UNKNOWN",
                     (int)attempt_no, short_id(message), (int)taken->attempt_no);
        }
    }
}

bool topic_is_of_senders(const struct topic_log *topic)
{
    static const char sends[] = "outbound.send.";
    return strncmp(topic->name, sends, sizeof sends - 1) == 0;
}

void invariant_record_written(const struct topic_log *topic, const struct record *record)
{
    const struct message_row *message = database_find(&database, &record->id);
    struct known *about = message ? known_of(message) : NULL;
    if (!about || !topic_is_of_senders(topic) || record->fence < about->sends_fence) {
        return;
    }
    about->sends = record->fence == about->sends_fence ? about->sends + 1 : 1;
    about->sends_fence = record->fence;
}

/* `record` was the only one of its attempt that there ever was, it was handed out once, and who commits it
 * has the message in hand. */
static bool is_in_hand(const struct process *process, const struct message_row *message,
                       const struct record *record)
{
    const struct known *about = known_of(message);
    return about->sends_fence == record->fence && about->sends == 1 && message->status == STATE_SENDING &&
           message->fence == record->fence + 1 && about->claimed_by == process &&
           about->life == process_life(process) && about->claim_answered && record->handed_out == 1 &&
           record->timestamp_ms <= about->claimed_at_us / 1000;
}

void invariant_commit(const struct process *process, const struct topic_log *topic, int32_t partition,
                      int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++) {
        const struct record *record = topic->partitions[partition].records[i];
        const struct message_row *message = database_find(&database, &record->id);
        if (record->request && !record->lost && !upstream_is_stored(record->request)) {
            violated("the offset of %s is committed, and it is not stored", record->request);
        }
        if (record->lost || !message) {
            continue;
        }
        check_home(message, topic, partition, to, "an offset is committed");
        if (topic_is_of_senders(topic) && is_in_hand(process, message, record)) {
            violated("the offset of …%s is committed before the end of attempt %d is stored",
                     short_id(message), (int)message->fence);
        }
    }
}

void invariant_record_lost(const struct record *record)
{
    const struct message_row *message = database_find(&database, &record->id);
    if (message) {
        known_of(message)->record_lost = true;
    }
}

bool invariants_at_rest(bool why)
{
    if (rebuild_is_due(&database)) {
        if (why) {
            violated("Kafka is not rebuilt");
        }
        return false;
    }
    for (size_t i = 0; i < database.message_count; i++) {
        const struct message_row *message = &database.messages[i];
        if (!is_final(message->status) ||
            (is_given_up(message->status) && !has_letter(message, message->fence) && !known[i].record_lost)) {
            if (why) {
                violated("…%s does not come to rest: it is %s, attempt %d", short_id(message),
                         state_name(message->status), (int)message->fence);
            }
            return false;
        }
        if (message->status == STATE_SENT && !provider_took(&message->id, message->fence)) {
            violated("…%s is SENT, and the provider does not have attempt %d", short_id(message),
                     (int)message->fence);
        }
        if (message->status == STATE_UNKNOWN && !holds) {
            violated("…%s is held as UNKNOWN, and the policy is resend", short_id(message));
        }
    }
    if (database.outbox && why) {
        violated("an outbox row of …%s for %s stays", short_id(database.outbox->message),
                 database.outbox->topic.bytes);
    }
    return !database.outbox;
}
