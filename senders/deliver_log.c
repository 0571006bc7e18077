/*
 * What the log tells of a message on its way through the sender: how an attempt ended, and more of it at
 * DEBUG and TRACE. A provider's words may repeat the recipient, so they are masked.
 */
#include "base/mask.h"
#include "schemas/message_log.h"
#include "senders/sender.h"

static void fields_of(const struct delivery *delivery, struct message_fields *fields)
{
    const struct sender *sender = delivery->sender;
    message_fields_set(fields,
                       &(struct message_ids){.id = &delivery->id,
                                             .correlation_id = text_of(delivery->message.correlation_id),
                                             .org_id = text_of(delivery->message.org_id),
                                             .channel = channel_name(sender->channel),
                                             .provider = sender->provider->name,
                                             .code = delivery->verdict.code});
}

/*
 * What a recipient or a message is to blame for is business as usual. Our account, our settings and what is
 * given up because a provider failed are somebody's to see to. Anything else is tried again.
 */
static enum log_level level_of(const struct delivery *delivery, bool stored)
{
    const enum state state = delivery->decision.state;
    const enum error_scope scope = error_row(delivery->verdict.code)->scope;
    if (!stored) {
        return LOG_WARN;
    }
    if (state == STATE_SENT || (state == STATE_FAILED && scope == MESSAGE)) {
        return LOG_INFO;
    }
    return scope == ACCOUNT || state == STATE_FAILED ? LOG_ERROR : LOG_WARN;
}

void deliver_log_expired(const struct delivery *delivery, struct text correlation_id, struct text org_id)
{
    const struct sender *sender = delivery->sender;
    if (message_log_wants(sender->config, LOG_INFO, false)) {
        struct message_fields fields;
        message_fields_set(&fields, &(struct message_ids){.id = &delivery->id,
                                                          .correlation_id = correlation_id,
                                                          .org_id = org_id,
                                                          .channel = channel_name(sender->channel),
                                                          .code = ERROR_EXPIRED});
        log_write(LOG_INFO, fields.list, "%s: its time was over before it was sent",
                  state_name(STATE_EXPIRED));
    }
}

void deliver_log_start(const struct delivery *delivery, size_t size)
{
    if (log_wants(LOG_DEBUG)) {
        struct message_fields fields;
        fields_of(delivery, &fields);
        log_write(LOG_DEBUG, fields.list, "attempt %d of %d: to %s, %zu bytes",
                  (int)delivery->message.attempt_count, (int)delivery->message.max_attempts,
                  delivery->sender->provider->name, size);
    }
}

void deliver_log_answer(const struct delivery *delivery, const struct http_result *result)
{
    if (log_wants(LOG_TRACE)) {
        struct message_fields fields;
        fields_of(delivery, &fields);
        log_write(LOG_TRACE, fields.list, "answer: status %d, %zu bytes, after %.1f ms", result->status,
                  result->body->length, (double)result->duration_us / 1e3);
    }
}

static void log_wait(const struct delivery *delivery, const struct message_fields *fields)
{
    const struct wait *wait = &delivery->decision.wait;
    if (delivery->decision.state == STATE_QUEUED) {
        log_write(LOG_DEBUG, fields->list, "next attempt in %lld ms, through %s", (long long)wait->delay_ms,
                  wait->topic);
    }
}

void deliver_log_end(const struct delivery *delivery, bool stored)
{
    const struct verdict *verdict = &delivery->verdict;
    const enum log_level level = level_of(delivery, stored);
    if (!message_log_wants(delivery->sender->config, level, stored && verdict->code == ERROR_NONE)) {
        return;
    }
    struct message_fields fields;
    fields_of(delivery, &fields);
    const char *code = error_row(verdict->code)->name;
    char words[VERDICT_TEXT_MAX];
    mask_text(verdict->text, true, words, sizeof words);
    log_write(level, fields.list, "attempt %d of %d: %s%s%s%s%s%s%s", (int)delivery->message.attempt_count,
              (int)delivery->message.max_attempts, state_name(delivery->decision.state), code ? ", " : "",
              code ? code : "", *words ? ": " : "", words,
              stored ? "" : "; not stored: it was before, or the message has gone on. The provider's id: ",
              stored ? "" : verdict->provider_message_id);
    log_wait(delivery, &fields);
}
