#include "schemas/ops_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/uuid.h"
#include "schemas/channels.h"
#include "schemas/tiers.h"
#include "schemas/topics.h"

#define AGE_DIGITS_MAX 5
#define COUNT_MAX 2147483647LL
#define PERCENT_MAX 1000

typedef bool check_fn(const char *value, struct error *error);

static bool check_text(const char *value, struct error *error)
{
    return *value || error_set(error, "is empty");
}

static bool check_channel(const char *value, struct error *error)
{
    enum channel channel;
    return channel_find(value, strlen(value), &channel) || error_set(error, "is not EMAIL, SMS or WHATSAPP");
}

static bool check_id(const char *value, struct error *error)
{
    struct uuid id;
    return uuid_parse(value, strlen(value), &id) || error_set(error, "is not a UUID");
}

/* What PostgreSQL reads as an interval, too. */
static bool check_time(const char *value, struct error *error)
{
    const size_t digits = strspn(value, "0123456789");
    return (digits >= 1 && digits <= AGE_DIGITS_MAX && value[digits] && strchr("smhd", value[digits]) &&
            value[digits + 1] == '\0') ||
           error_set(error, "is not a time like 90s, 15m, 2h or 7d");
}

static bool check_number(const char *value, long long most, struct error *error)
{
    char *end;
    errno = 0;
    const long long number = strtoll(value, &end, 10);
    return (*value >= '0' && *value <= '9' && *end == '\0' && !errno && number <= most) ||
           error_set(error, "is not a whole number up to %lld", most);
}

static bool check_count(const char *value, struct error *error)
{
    return check_number(value, COUNT_MAX, error);
}

static bool check_percent(const char *value, struct error *error)
{
    return check_number(value, PERCENT_MAX, error);
}

/* An end: what is not finished must not go to the archive. */
static bool check_status(const char *value, struct error *error)
{
    static const char *const ends[] = {"SENT", "FAILED", "EXPIRED", "CANCELLED"};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        if (strcmp(value, ends[i]) == 0) {
            return true;
        }
    }
    return error_set(error, "is not SENT, FAILED, EXPIRED or CANCELLED");
}

static bool check_topic(const char *value, struct error *error)
{
    bool known = tier_topic(value);
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        known = known || strcmp(value, topic_table[i].name) == 0;
    }
    return known || error_set(error, "is not one of outbound's topics");
}

static const struct {
    const char *name;
    const char *value;
    check_fn *check;
    const char *help;
} options[OPS_OPTIONS] = {
    [OPS_CHANNEL] = {"--channel", "NAME", check_channel, "EMAIL, SMS or WHATSAPP"},
    [OPS_ORG] = {"--org", "ID", check_text, "an organisation"},
    [OPS_ID] = {"--id", "UUID", check_id, "one message"},
    [OPS_SINCE] = {"--since", "TIME", check_time, "accepted within that time: 90s, 15m, 2h, 7d"},
    [OPS_OLDER_THAN] = {"--older-than", "TIME", check_time, "not changed for so long"},
    [OPS_FOR] = {"--for", "TIME", check_time, "from now on; 0s takes it back"},
    [OPS_ATTEMPTS] = {"--attempts", "N", check_count, "with at least so many attempts"},
    [OPS_EXCEPT_TEMPLATES] = {"--except-templates", "A,B", check_text, "but those with these template codes"},
    [OPS_STATUS] = {"--status", "STATUS", check_status, "SENT, FAILED, EXPIRED or CANCELLED"},
    [OPS_LIMIT] = {"--limit", "N", check_count, "the new limit"},
    [OPS_PERCENT] = {"--percent", "N", check_percent, "the new limit as a part of the present one"},
    [OPS_TOPIC] = {"--topic", "NAME", check_topic,
                   "a topic that was deleted and made anew: it is read from its beginning"},
    [OPS_REQUEUE] = {"--requeue", NULL, NULL, "queues what is shown again"},
    [OPS_DRY_RUN] = {"--dry-run", NULL, NULL, "does it, shows what was changed, and takes it back"},
    [OPS_JSON] = {"--json", NULL, NULL, "JSON, one object a line"},
};

const char *ops_option_name(enum ops_option option)
{
    return options[option].name;
}

const char *ops_option_value(enum ops_option option)
{
    return options[option].value;
}

const char *ops_option_help(enum ops_option option)
{
    return options[option].help;
}

/* One option, of which the value may be the next word. */
static bool parse_option(char **words, size_t count, size_t *index, struct ops_request *request,
                         struct error *error)
{
    const char *word = words[*index];
    const size_t length = strcspn(word, "=");
    unsigned i = 0;
    while (i < OPS_OPTIONS &&
           (strlen(options[i].name) != length || strncmp(options[i].name, word, length) != 0)) {
        i++;
    }
    if (i == OPS_OPTIONS) {
        return error_set(error, "there is no option %s", word);
    }
    const char *name = options[i].name;
    if (!((request->command->takes | OPS_BIT(OPS_JSON)) & OPS_BIT(i))) {
        return error_set(error, "%s has no option %s", request->command->name, name);
    }
    if (request->given & OPS_BIT(i)) {
        return error_set(error, "%s is given twice", name);
    }
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    request->given |= OPS_BIT(i);
    if (!options[i].value) {
        return !value || error_set(error, "%s has no value", name);
    }
    if (!value && *index + 1 < count) {
        value = words[++*index];
    }
    if (!value) {
        return error_set(error, "%s needs a value", name);
    }
    request->values[i] = value;
    struct error why;
    return options[i].check(value, &why) || error_set(error, "%s \"%.100s\": %.300s", name, value, why.text);
}

static bool check_needs(const struct ops_request *request, unsigned needs, struct error *error)
{
    for (unsigned i = 0; i < OPS_OPTIONS; i++) {
        if ((needs & OPS_BIT(i)) && !(request->given & OPS_BIT(i))) {
            return error_set(error, "%s: needs %s", request->command->name, options[i].name);
        }
    }
    return true;
}

bool ops_changes(const struct ops_request *request)
{
    return !request->command->read || (request->given & request->command->changes_with);
}

bool ops_parse(char **words, size_t count, struct ops_request *ret_request, struct error *error)
{
    struct ops_request request = {0};
    for (size_t i = 0; i < ops_command_count && count > 0; i++) {
        if (strcmp(ops_commands[i].name, words[0]) == 0) {
            request.command = &ops_commands[i];
        }
    }
    if (!request.command) {
        return error_set(error, "%s%s%s`outbound ops --help` lists the commands",
                         count ? "there is no command \"" : "say what: ", count ? words[0] : "",
                         count ? "\": " : "");
    }
    memcpy(request.values, request.command->initial, sizeof request.values);
    for (size_t i = 1; i < count; i++) {
        if (words[i][0] != '-') {
            return error_set(error, "\"%s\" is one word too many", words[i]);
        }
        if (!parse_option(words, count, &i, &request, error)) {
            return false;
        }
    }
    if (!check_needs(&request, request.command->needs, error) ||
        (ops_changes(&request) && !check_needs(&request, request.command->change_needs, error))) {
        return false;
    }
    if (request.values[OPS_LIMIT] && request.values[OPS_PERCENT]) {
        return error_set(error, "%s: not together with %s", options[OPS_PERCENT].name,
                         options[OPS_LIMIT].name);
    }
    if ((request.given & OPS_BIT(OPS_DRY_RUN)) && !ops_changes(&request)) {
        return error_set(error, "%s: without it, %s changes nothing either", options[OPS_DRY_RUN].name,
                         request.command->name);
    }
    *ret_request = request;
    return true;
}
