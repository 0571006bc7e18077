#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/proof/evidence.h"
#include "sandbox/proof/json_lines.h"
#include "sandbox/proof/load_message.h"

struct reading {
    struct ledger *ledger;
    void (*on_stranger)(void *arg, const char *id);
    void *arg;
};

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* The text that a provider would have shown; "" when it was given none. */
static const char *text_in(const json_t *content)
{
    const json_t *first = json_array_get(content, 0); /* SendGrid: the text stands before the HTML */
    const char *found[] = {json_string_value(content), member(first, "value"), member(content, "body"),
                           member(content, "text")};
    for (size_t i = 0; i < COUNT_OF(found); i++) {
        if (found[i]) {
            return found[i];
        }
    }
    return "";
}

/* NULL: no message that was asked for has this id, or the provider was told none. */
static struct ledger_message *find_by_id(const struct ledger *ledger, const char *id)
{
    struct uuid uuid;
    return id && uuid_parse(id, strlen(id), &uuid) ? ledger_find_id(ledger, &uuid) : NULL;
}

/* Otherwise by its text, which starts with the key. */
static struct ledger_message *find(const struct ledger *ledger, const char *id, const char *text)
{
    struct ledger_message *message = find_by_id(ledger, id);
    return message ? message : ledger_find(ledger, (struct text){text, strcspn(text, " ")});
}

/* The provider was told that it is another message. */
static bool has_other_id(const struct ledger *ledger, const struct ledger_message *message, const char *id)
{
    return id && message->has_id && find_by_id(ledger, id) != message;
}

static bool is_changed(const struct ledger_message *message, const json_t *line, const char *text)
{
    const char *subject = member(line, "subject");
    char expected[LOAD_KEY_SIZE + 16];
    load_message_subject(message->key, expected, sizeof expected);
    return (subject && strcmp(subject, expected) != 0) ||
           ledger_fingerprint(text_of(member(line, "channel")), text_of(member(line, "to")), text_of(text)) !=
               message->fingerprint;
}

static bool read_attempt(const char *text, int32_t *ret_attempt, struct error *error)
{
    char *end = NULL;
    errno = 0;
    const long attempt = text ? strtol(text, &end, 10) : 0;
    if (errno || attempt < 0 || attempt > INT32_MAX || (text && (end == text || *end))) {
        return error_set(error, "\"attempt\" is no number");
    }
    *ret_attempt = (int32_t)attempt;
    return true;
}

static bool take_line(void *arg, const json_t *line, struct error *error)
{
    struct reading *reading = arg;
    const char *provider_id = member(line, "providerMessageId");
    if (!provider_id || !member(line, "channel")) {
        return error_set(error, "is no delivery: it has no \"%s\"",
                         provider_id ? "channel" : "providerMessageId");
    }
    int32_t attempt = 0;
    if (!read_attempt(member(line, "attempt"), &attempt, error)) {
        return false;
    }
    const char *id = member(line, "messageId");
    const char *text = text_in(json_object_get(line, "content"));
    struct ledger_message *message = find(reading->ledger, id, text);
    if (message) {
        const bool changed = has_other_id(reading->ledger, message, id) || is_changed(message, line, text);
        ledger_add_taken(message, attempt, changed);
    } else {
        reading->on_stranger(reading->arg, id ? id : provider_id);
    }
    return true;
}

bool evidence_read_deliveries(struct ledger *ledger, const char *path,
                              void (*on_stranger)(void *arg, const char *id), void *arg, int64_t *ret_cut,
                              struct error *error)
{
    struct reading reading = {ledger, on_stranger, arg};
    return json_lines_read(path, take_line, &reading, ret_cut, error);
}
