#include "dlq/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dlq/run.h"

#define LIST_DEFAULT 50
#define LIST_MAX 10000
#define RATE_MAX 1000000
#define ARCHIVE_AGE "7d"

static const struct {
    const char *name;
    const char *help;
} verbs[DLQ_VERBS] = {
    [DLQ_CONSUME] = {"consume", "takes dead letters from their topic into PostgreSQL, until it is stopped"},
    [DLQ_STATS] = {"stats", "how many there are, by status, channel and code"},
    [DLQ_LIST] = {"list", "the newest ones"},
    [DLQ_SHOW] = {"show ID", "all about one"},
    [DLQ_REPLAY] = {"replay", "sends messages again, and publishes records again where they came from"},
    [DLQ_ARCHIVE] = {"archive", "moves messages to outbound_message_archive; without --until or --id, "
                                "those of letters older than " ARCHIVE_AGE},
    [DLQ_DISCARD] = {"discard", "gives letters up for good; needs a filter, or --all"},
};

#define ON(verb) (1U << (verb))
#define CHANGES (ON(DLQ_REPLAY) | ON(DLQ_ARCHIVE) | ON(DLQ_DISCARD))
#define FILTERED (ON(DLQ_STATS) | ON(DLQ_LIST) | CHANGES)
#define SHOWS (ON(DLQ_STATS) | ON(DLQ_LIST) | ON(DLQ_SHOW))

/* Options with a value that is no filter, and those without one, are known by their names in take_option().
 */
static const struct {
    const char *name;
    const char *value; /* what it is called in the help; NULL: the option has none */
    unsigned verbs;
    const char *help;
} options[] = {
    {"channel", "NAME", FILTERED, "EMAIL, SMS, WHATSAPP"},
    {"code", "CODE", FILTERED, "an error code of docs/ERRORS.md"},
    {"org", "ID", FILTERED, "an organisation"},
    {"since", "TIME", FILTERED, "failed then or later: 2026-01-31T12:00:00Z, or an age: 90s, 15m, 2h, 7d"},
    {"until", "TIME", FILTERED, "failed before that"},
    {"id", "ID", FILTERED, "a dead letter's number, or its message's UUID; any number of times"},
    {"status", "STATUS", ON(DLQ_STATS) | ON(DLQ_LIST), "OPEN (list's default), REPLAYED, SETTLED, …"},
    {"before", "ID", ON(DLQ_LIST), "only those with a smaller number: the next page"},
    {"limit", "N", ON(DLQ_LIST) | CHANGES, "at most so many; list: 50"},
    {"rate", "N", CHANGES, "at most so many a second"},
    {"dry-run", NULL, CHANGES, "counts, and changes nothing"},
    {"force", NULL, ON(DLQ_REPLAY),
     "also what was replayed too often, is expired, or may have been delivered"},
    {"all", NULL, ON(DLQ_DISCARD), "without any filter"},
    {"json", NULL, SHOWS | CHANGES, "JSON, one object a line"},
};

void dlq_print_help(FILE *out)
{
    (void)fputs("\ncommands:\n", out);
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        (void)fprintf(out, "  %-18s %s\n", verbs[i].name, verbs[i].help);
    }
    (void)fputs("\noptions:\n", out);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "--%s%s%s", options[i].name, options[i].value ? "=" : "",
                       options[i].value ? options[i].value : "");
        (void)fprintf(out, "  %-18s %s\n", text, options[i].help);
    }
}

static bool parse_verb(const char *word, enum dlq_verb *ret_verb)
{
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        const size_t length = strcspn(verbs[i].name, " ");
        if (strlen(word) == length && strncmp(verbs[i].name, word, length) == 0) {
            *ret_verb = (enum dlq_verb)i;
            return true;
        }
    }
    return false;
}

static bool parse_rate(const char *value, int64_t *ret_rate, struct error *error)
{
    char *end;
    errno = 0;
    const long long rate = strtoll(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || rate < 1 || rate > RATE_MAX) {
        return error_set(error, "must be a whole number from 1 to %d", RATE_MAX);
    }
    *ret_rate = rate;
    return true;
}

static bool take_value(struct dlq_options *into, const char *name, const char *value, int64_t now_us,
                       struct error *error)
{
    return letter_filter_knows(name) ? letter_filter_set(&into->filter, name, value, now_us, error)
                                     : parse_rate(value, &into->rate, error);
}

static void take_flag(struct dlq_options *into, const char *name)
{
    bool *flag = strcmp(name, "dry-run") == 0 ? &into->dry_run
                 : strcmp(name, "force") == 0 ? &into->force
                 : strcmp(name, "all") == 0   ? &into->all
                                              : &into->json;
    *flag = true;
}

/* One option, of which the value may be the next argument. */
static bool parse_option(char **arguments, size_t count, size_t *index, int64_t now_us,
                         struct dlq_options *into, struct error *error)
{
    const char *argument = arguments[*index];
    const size_t name_length = strcspn(argument, "=");
    size_t i = 0;
    while (i < COUNT_OF(options) && (strlen(options[i].name) + 2 != name_length ||
                                     strncmp(options[i].name, argument + 2, name_length - 2) != 0)) {
        i++;
    }
    if (strncmp(argument, "--", 2) != 0 || i == COUNT_OF(options)) {
        return error_set(error, "there is no option %s", argument);
    }
    if (!(options[i].verbs & ON(into->verb))) {
        return error_set(error, "%.*s has no option --%s", (int)strcspn(verbs[into->verb].name, " "),
                         verbs[into->verb].name, options[i].name);
    }
    const char *value = argument[name_length] == '=' ? argument + name_length + 1 : NULL;
    if (!options[i].value) {
        take_flag(into, options[i].name);
        return !value || error_set(error, "--%s has no value", options[i].name);
    }
    if (!value && *index + 1 < count) {
        value = arguments[++*index];
    }
    if (!value) {
        return error_set(error, "--%s needs a value", options[i].name);
    }
    struct error why;
    return take_value(into, options[i].name, value, now_us, &why) ||
           error_set(error, "--%s \"%.100s\": %.300s", options[i].name, value, why.text);
}

static bool check(struct dlq_options *options_found, int64_t now_us, struct error *error)
{
    struct letter_filter *filter = &options_found->filter;
    struct error why;
    switch (options_found->verb) {
    case DLQ_SHOW:
        if (filter->letter_id_count + filter->message_id_count != 1) {
            return error_set(error, "show: say which one: a dead letter's number, or its message's UUID");
        }
        break;
    case DLQ_LIST:
        filter->limit = filter->limit ? filter->limit : LIST_DEFAULT;
        if (filter->limit > LIST_MAX) {
            return error_set(error, "--limit: list shows at most %d at once", LIST_MAX);
        }
        break;
    case DLQ_ARCHIVE:
        if (!filter->has_until && filter->letter_id_count + filter->message_id_count == 0 &&
            !letter_filter_set(filter, "until", ARCHIVE_AGE, now_us, &why)) {
            return error_set(error, "--until: %.300s", why.text);
        }
        break;
    case DLQ_DISCARD:
        if (!letter_filter_is_given(filter) && !options_found->all) {
            return error_set(error, "discard: say which ones, or --all");
        }
        break;
    default:
        break;
    }
    return letter_filter_check(filter, &why) || error_set(error, "--%.300s", why.text);
}

bool dlq_options_parse(char **arguments, size_t count, int64_t now_us, struct dlq_options *ret_options,
                       struct error *error)
{
    *ret_options = (struct dlq_options){0};
    if (count == 0 || !parse_verb(arguments[0], &ret_options->verb)) {
        return error_set(error, "%s%s%ssay consume, stats, list, show, replay, archive or discard",
                         count ? "there is no command \"" : "", count ? arguments[0] : "",
                         count ? "\": " : "");
    }
    for (size_t i = 1; i < count; i++) {
        if (arguments[i][0] == '-') {
            if (!parse_option(arguments, count, &i, now_us, ret_options, error)) {
                return false;
            }
        } else if (ret_options->verb != DLQ_SHOW) {
            return error_set(error, "\"%s\" is one word too many", arguments[i]);
        } else {
            struct error why;
            if (!letter_filter_set(&ret_options->filter, "id", arguments[i], now_us, &why)) {
                return error_set(error, "\"%.100s\": %.300s", arguments[i], why.text);
            }
        }
    }
    return check(ret_options, now_us, error);
}
