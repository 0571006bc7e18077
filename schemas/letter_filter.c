#include "schemas/letter_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "schemas/channels.h"
#include "schemas/errors.h"
#include "schemas/new_message.h"

/* Years far apart: what lies outside cannot be stored, and is nobody's filter. */
#define EARLIEST_US INT64_C(0)
#define LATEST_US INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */

static bool parse_number(const char *text, int64_t most, int64_t *ret_number)
{
    char *end;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || number < 1 || number > most) {
        return false;
    }
    *ret_number = number;
    return true;
}

/* "90s", "15m", "2h", "7d": so long ago. */
static bool parse_age(const char *text, int64_t now_us, int64_t *ret_us)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || errno || number > 10000000 || end[0] == '\0' || end[1] != '\0') {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (units[i].unit == *end) {
            const int64_t us = now_us - number * units[i].seconds * 1000000;
            *ret_us = us < EARLIEST_US ? EARLIEST_US : us;
            return true;
        }
    }
    return false;
}

static bool set_time(const char *value, int64_t now_us, int64_t *ret_us, struct error *error)
{
    int64_t us;
    if (!parse_rfc3339(value, strlen(value), &us) && !parse_age(value, now_us, &us)) {
        return error_set(error, "must be a time like 2026-01-31T12:00:00Z or an age like 90s, 15m, 2h or 7d");
    }
    if (us < EARLIEST_US || us > LATEST_US) {
        return error_set(error, "must lie between 1970 and 9999");
    }
    *ret_us = us;
    return true;
}

static bool set_status(struct letter_filter *filter, const char *value, int64_t now_us, struct error *error)
{
    static const char *const names[] = {"OPEN", "REPLAYED", "SETTLED", "ARCHIVED", "DISCARDED"};
    (void)now_us;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], value) == 0) {
            filter->status = names[i];
            return true;
        }
    }
    return error_set(error, "must be OPEN, REPLAYED, SETTLED, ARCHIVED or DISCARDED");
}

static bool set_channel(struct letter_filter *filter, const char *value, int64_t now_us, struct error *error)
{
    enum channel channel;
    (void)now_us;
    if (!channel_find(value, strlen(value), &channel) && !channel_find_label(value, &channel)) {
        return error_set(error, "must be a channel: EMAIL, SMS or WHATSAPP");
    }
    filter->channel = channel_name(channel);
    return true;
}

static bool set_code(struct letter_filter *filter, const char *value, int64_t now_us, struct error *error)
{
    (void)now_us;
    for (int i = ERROR_NONE + 1; i < ERROR_CODE_COUNT; i++) {
        if (strcmp(error_row((enum error_code)i)->name, value) == 0) {
            filter->code = error_row((enum error_code)i)->name;
            return true;
        }
    }
    return error_set(error, "must be an error code of docs/ERRORS.md");
}

static bool set_org(struct letter_filter *filter, const char *value, int64_t now_us, struct error *error)
{
    const struct text text = text_of(value);
    (void)now_us;
    if (text.length == 0 || text.length > ORG_ID_MAX || !text_is_visible_ascii(text)) {
        return error_set(error, "must have 1 to %d visible ASCII characters", ORG_ID_MAX);
    }
    filter->org = value;
    return true;
}

static bool set_since(struct letter_filter *filter, const char *value, int64_t now_us, struct error *error)
{
    filter->has_since = set_time(value, now_us, &filter->since_us, error);
    return filter->has_since;
}

static bool set_until(struct letter_filter *filter, const char *value, int64_t now_us, struct error *error)
{
    filter->has_until = set_time(value, now_us, &filter->until_us, error);
    return filter->has_until;
}

static bool set_id(struct letter_filter *filter, const char *value, int64_t now_us, struct error *error)
{
    int64_t letter;
    struct uuid message;
    (void)now_us;
    if (filter->letter_id_count + filter->message_id_count == LETTER_IDS_MAX) {
        return error_set(error, "may be given %d times", LETTER_IDS_MAX);
    }
    if (parse_number(value, INT64_MAX, &letter)) {
        filter->letter_ids[filter->letter_id_count++] = letter;
    } else if (uuid_parse(value, strlen(value), &message)) {
        filter->message_ids[filter->message_id_count++] = message;
    } else {
        return error_set(error, "must be a dead letter's number or a message's UUID");
    }
    return true;
}

static bool set_before(struct letter_filter *filter, const char *value, int64_t now_us, struct error *error)
{
    (void)now_us;
    return parse_number(value, INT64_MAX, &filter->before) ||
           error_set(error, "must be a dead letter's number");
}

static bool set_limit(struct letter_filter *filter, const char *value, int64_t now_us, struct error *error)
{
    (void)now_us;
    return parse_number(value, LETTER_LIMIT_MAX, &filter->limit) ||
           error_set(error, "must be a whole number from 1 to %d", LETTER_LIMIT_MAX);
}

static const struct {
    const char *name;
    bool (*set)(struct letter_filter *filter, const char *value, int64_t now_us, struct error *error);
} filters[] = {
    {"status", set_status}, {"channel", set_channel}, {"code", set_code},
    {"org", set_org},       {"since", set_since},     {"until", set_until},
    {"id", set_id},         {"before", set_before},   {"limit", set_limit},
};

bool letter_filter_knows(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        if (strcmp(filters[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool letter_filter_set(struct letter_filter *filter, const char *name, const char *value, int64_t now_us,
                       struct error *error)
{
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        if (strcmp(filters[i].name, name) == 0) {
            return filters[i].set(filter, value, now_us, error);
        }
    }
    abort();
}

bool letter_filter_check(const struct letter_filter *filter, struct error *error)
{
    return !filter->has_since || !filter->has_until || filter->since_us < filter->until_us ||
           error_set(error, "since must lie before until");
}

bool letter_filter_is_given(const struct letter_filter *filter)
{
    return filter->status || filter->channel || filter->code || filter->org || filter->has_since ||
           filter->has_until || filter->before || filter->letter_id_count || filter->message_id_count;
}

static void time_param(struct pg_params *params, bool given, int64_t unix_us)
{
    if (given) {
        pg_param_timestamp(params, unix_us);
    } else {
        pg_param_null(params);
    }
}

void letter_filter_params(const struct letter_filter *filter, const char *status, struct pg_params *params)
{
    pg_param_text(params, status ? status : filter->status);
    pg_param_text(params, filter->channel);
    pg_param_text(params, filter->code);
    pg_param_text(params, filter->org);
    time_param(params, filter->has_since, filter->since_us);
    time_param(params, filter->has_until, filter->until_us);
    if (filter->letter_id_count == 0) {
        pg_param_null(params);
        return;
    }
    pg_array_begin(params, PG_INT8);
    for (size_t i = 0; i < filter->letter_id_count; i++) {
        pg_array_int8(params, filter->letter_ids[i]);
    }
    pg_array_end(params);
}
