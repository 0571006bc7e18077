#include "schemas/new_message.h"

#include <string.h>
#include <time.h>

#include "schemas/address.h"

static bool is_text(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        const unsigned char byte = (unsigned char)text.bytes[i];
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

/* True when it is given and of that length; an absent one is a violation only where it is required. */
static bool check_length(struct text text, const char *field, bool required, size_t most,
                         struct violations *violations)
{
    if (!text.bytes) {
        if (required) {
            violation_add(violations, field, "is required");
        }
        return false;
    }
    if (text.length == 0 || text.length > most) {
        violation_add(violations, field, "must have 1 to %zu bytes", most);
        return false;
    }
    return true;
}

static void check_text(struct text text, const char *field, bool required, size_t most,
                       struct violations *violations)
{
    if (check_length(text, field, required, most, violations) && !is_text(text)) {
        violation_add(violations, field, "must not contain control characters such as CR, LF or NUL");
    }
}

static void check_header(struct text text, const char *field, size_t most, struct violations *violations)
{
    if (check_length(text, field, false, most, violations) && !text_is_visible_ascii(text)) {
        violation_add(violations, field, "must be visible ASCII without spaces");
    }
}

static void check_recipient(const struct new_message *message, struct violations *violations)
{
    if (!message->to.bytes) {
        violation_add(violations, "to", "is required");
        return;
    }
    const char *problem = NULL;
    switch (message->channel) {
    case CHANNEL_EMAIL:
        problem = address_check_email(message->to.bytes, message->to.length);
        break;
    case CHANNEL_SMS:
    case CHANNEL_WHATSAPP:
        problem = address_check_phone(message->to.bytes, message->to.length);
        break;
    case CHANNEL_COUNT:
        break;
    }
    if (problem) {
        violation_add(violations, "to", "%s", problem);
    }
}

static void check_priority(const struct new_message *message, struct violations *violations)
{
    static const char *const known[] = {PRIORITY_NORMAL, PRIORITY_URGENT};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (text_is(message->priority, known[i])) {
            return;
        }
    }
    violation_add(violations, "priority", "must be " PRIORITY_NORMAL " or " PRIORITY_URGENT);
}

static void list_channels(char *ret_list, size_t size)
{
    ret_list[0] = '\0';
    for (int i = 0; i < CHANNEL_COUNT; i++) {
        (void)strncat(ret_list, i ? ", " : "", size - strlen(ret_list) - 1);
        (void)strncat(ret_list, channel_name((enum channel)i), size - strlen(ret_list) - 1);
    }
}

/* Services upstream name themselves and their requests: without, a repetition could not be known. */
static void check_upstream(const struct new_message *message, struct violations *violations)
{
    check_header(message->source, "source", SOURCE_MAX, violations);
    if (!message->source.bytes) {
        violation_add(violations, "source", "is required");
    } else if (text_is(message->source, MESSAGE_SOURCE_HTTP)) {
        violation_add(violations, "source", "must not be " MESSAGE_SOURCE_HTTP);
    }
    if (!message->idempotency_key.bytes) {
        violation_add(violations, "requestId", "is required, here or as the header " HEADER_MESSAGE_ID);
    }
}

/* What differs between the ways in: the names of what HTTP has in headers. */
static const struct {
    const char *org_id;
    const char *correlation_id;
    const char *idempotency_key;
} names[] = {
    [MESSAGE_BY_HTTP] = {"X-Org-ID", "X-Correlation-ID", "Idempotency-Key"},
    [MESSAGE_BY_KAFKA] = {"orgId", "correlationId", "requestId"},
};

void new_message_check(struct new_message *message, enum message_way way, int64_t now_us,
                       struct violations *violations)
{
    check_header(message->org_id, names[way].org_id, ORG_ID_MAX, violations);
    check_header(message->correlation_id, names[way].correlation_id, CORRELATION_ID_MAX, violations);
    check_header(message->idempotency_key, names[way].idempotency_key, IDEMPOTENCY_KEY_MAX, violations);
    check_length(message->ordering_key, way == MESSAGE_BY_HTTP ? "orderingKey" : "key", false,
                 ORDERING_KEY_MAX, violations);
    if (way == MESSAGE_BY_KAFKA) {
        check_upstream(message, violations);
    }
    check_text(message->template_code, "templateCode", true, TEMPLATE_CODE_MAX, violations);
    check_priority(message, violations);
    if (!message->payload.bytes) {
        violation_add(violations, "payloadJson", "is required");
    }
    /* A record may have waited in its topic meanwhile, or be read again: then the message is EXPIRED. */
    if (way == MESSAGE_BY_HTTP && message->expires_at_us && message->expires_at_us <= now_us) {
        violation_add(violations, "expiresAt", "is in the past");
    }
    if (!message->channel_name.bytes) {
        violation_add(violations, "channel", "is required");
    } else if (!channel_find(message->channel_name.bytes, message->channel_name.length, &message->channel)) {
        char known[128];
        list_channels(known, sizeof known);
        violation_add(violations, "channel", "must be one of %s", known);
    } else {
        check_recipient(message, violations);
        check_text(message->subject, "subject", message->channel == CHANNEL_EMAIL, SUBJECT_MAX, violations);
        return;
    }
    check_text(message->to, "to", true, SUBJECT_MAX, violations);
}

void new_message_limit_age(struct new_message *message, int64_t now_us, int64_t max_age_ms)
{
    const int64_t latest_us = now_us + max_age_ms * 1000;
    if (max_age_ms > 0 && (message->expires_at_us == 0 || message->expires_at_us > latest_us)) {
        message->expires_at_us = latest_us;
    }
}

/* `digits` decimal digits at *at; moves behind them. -1 when they are not there. */
static int take_number(const char **at, const char *end, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++, ++*at) {
        if (*at == end || **at < '0' || **at > '9') {
            return -1;
        }
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool take_char(const char **at, const char *end, const char *set)
{
    return *at < end && **at && strchr(set, *(*at)++);
}

static bool take_fraction(const char **at, const char *end, int64_t *ret_us)
{
    *ret_us = 0;
    if (*at == end || **at != '.') {
        return true;
    }
    const char *from = ++*at;
    for (int64_t unit = 100000; *at < end && **at >= '0' && **at <= '9'; ++*at, unit /= 10) {
        *ret_us += (**at - '0') * unit;
    }
    return *at > from;
}

/* "Z" or "+01:00", which must end the text. */
static bool take_offset(const char **at, const char *end, int *ret_minutes)
{
    *ret_minutes = 0;
    if (*at == end) {
        return false;
    }
    const char sign = *(*at)++;
    if (sign == 'Z' || sign == 'z') {
        return *at == end;
    }
    const int hours = take_number(at, end, 2);
    const bool colon = take_char(at, end, ":");
    const int minutes = take_number(at, end, 2);
    if ((sign != '+' && sign != '-') || hours < 0 || hours > 23 || !colon || minutes < 0 || minutes > 59) {
        return false;
    }
    *ret_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return *at == end;
}

bool parse_rfc3339(const char *text, size_t length, int64_t *ret_us)
{
    const char *at = text;
    const char *end = text + length;
    const int year = take_number(&at, end, 4);
    bool fine = take_char(&at, end, "-");
    const int month = take_number(&at, end, 2);
    fine = fine && take_char(&at, end, "-");
    const int day = take_number(&at, end, 2);
    fine = fine && take_char(&at, end, "Tt ");
    const int hour = take_number(&at, end, 2);
    fine = fine && take_char(&at, end, ":");
    const int minute = take_number(&at, end, 2);
    fine = fine && take_char(&at, end, ":");
    const int second = take_number(&at, end, 2);
    int64_t fraction_us;
    int offset_minutes;
    if (!fine || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 59 || !take_fraction(&at, end, &fraction_us) ||
        !take_offset(&at, end, &offset_minutes)) {
        return false;
    }
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    const int64_t seconds = timegm(&tm);
    if (tm.tm_mday != day) { /* timegm() turns 31 April into 1 May */
        return false;
    }
    *ret_us = (seconds - (int64_t)offset_minutes * 60) * 1000000 + fraction_us;
    return true;
}
