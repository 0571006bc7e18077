#include <string.h>

#include "sandbox/proof/evidence.h"
#include "sandbox/proof/json_lines.h"

/* NULL, with the reason, when the line has no such member, or one that is no text. */
static const char *text_member(const json_t *line, const char *name, struct error *error)
{
    const char *text = json_string_value(json_object_get(line, name));
    if (!text) {
        (void)error_set(error, "has no \"%s\"", name);
    }
    return text;
}

static bool take_asked(struct ledger *ledger, const json_t *line, const char *key, struct error *error)
{
    const char *by = text_member(line, "by", error);
    const char *channel = by ? text_member(line, "channel", error) : NULL;
    const char *to = channel ? text_member(line, "to", error) : NULL;
    const char *content = to ? text_member(line, "content", error) : NULL;
    if (!content) {
        return false;
    }
    if (strcmp(by, "http") != 0 && strcmp(by, "kafka") != 0) {
        return error_set(error, "\"by\" is neither http nor kafka");
    }
    struct ledger_message *message = ledger_add(ledger, key);
    if (!message) {
        return error_set(error, "\"%.100s\" is asked for a second time", key);
    }
    message->by_kafka = strcmp(by, "kafka") == 0;
    message->fingerprint = ledger_fingerprint(text_of(channel), text_of(to), text_of(content));
    return true;
}

static bool take_id(struct ledger *ledger, struct ledger_message *message, const char *text,
                    struct error *error)
{
    struct uuid id;
    if (!uuid_parse(text, strlen(text), &id)) {
        return error_set(error, "\"id\" is no UUID");
    }
    return ledger_set_id(ledger, message, &id) || error_set(error, "\"id\" is that of another message");
}

static bool take_line(void *arg, const json_t *line, struct error *error)
{
    static const char *const events[] = {
        [ASKED_UNANSWERED] = "unanswered", [ASKED_ACCEPTED] = "accepted", [ASKED_REFUSED] = "refused"};
    struct ledger *ledger = arg;
    const char *event = text_member(line, "event", error);
    const char *key = event ? text_member(line, "key", error) : NULL;
    if (!key) {
        return false;
    }
    if (strcmp(event, "asked") == 0) {
        return take_asked(ledger, line, key, error);
    }
    struct ledger_message *message = ledger_find(ledger, text_of(key));
    if (!message) {
        return error_set(error, "\"%.100s\" was not asked for", key);
    }
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        if (strcmp(events[i], event) == 0) {
            const char *id = json_string_value(json_object_get(line, "id"));
            if (message->has_ended) {
                return error_set(error, "\"%.100s\" ends for a second time", key);
            }
            message->has_ended = true;
            message->end = (enum asked_end)i;
            return !id || take_id(ledger, message, id, error);
        }
    }
    return error_set(error, "there is no event \"%.100s\"", event);
}

bool evidence_read_journal(struct ledger *ledger, const char *path, struct error *error)
{
    return json_lines_read(path, take_line, ledger, NULL, error);
}
