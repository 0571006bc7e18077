#include "sandbox/proof/load_options.h"

#include <string.h>

#include "base/random.h"
#include "sandbox/proof/option_words.h"

#define RATE_MAX 1000000
#define SECONDS_MAX 604800
#define COUNT_MAX 100000000
#define CONNECTIONS_DEFAULT 256
#define CONNECTIONS_MAX 20000

static bool take_by(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    load->by_kafka = strcmp(value, "kafka") == 0;
    return load->by_kafka || strcmp(value, "http") == 0 || error_set(error, "is neither http nor kafka");
}

static bool take_url(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    load->url = value;
    if (strlen(value) > LOAD_URL_MAX) {
        return error_set(error, "has more than %d characters", LOAD_URL_MAX);
    }
    return strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0 ||
           error_set(error, "is not a URL with http:// or https://");
}

static bool take_rate(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    return option_number(value, 1, RATE_MAX, &load->rate, error);
}

static bool take_for(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    return option_number(value, 1, SECONDS_MAX, &load->seconds, error);
}

static bool take_count(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    return option_number(value, 1, COUNT_MAX, &load->count, error);
}

static bool take_connections(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    return option_number(value, 1, CONNECTIONS_MAX, &load->connections, error);
}

static bool take_channel(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    load->channel_count = 0;
    for (const char *at = value;; at++) {
        char label[16] = "";
        const size_t length = strcspn(at, ",");
        if (length >= sizeof label || load->channel_count == CHANNEL_COUNT) {
            return error_set(error, "is not a list of email, sms and whatsapp");
        }
        memcpy(label, at, length);
        if (!channel_find_label(label, &load->channels[load->channel_count++])) {
            return error_set(error, "is not a list of email, sms and whatsapp");
        }
        at += length;
        if (*at == '\0') {
            return true;
        }
    }
}

/* It is a part of e-mail addresses. */
static bool take_name(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const size_t length = strlen(value);
    if (length == 0 || length > LOAD_NAME_MAX || strspn(value, allowed) != length) {
        return error_set(error, "is not 1 to %d letters, digits, \"-\" and \"_\"", LOAD_NAME_MAX);
    }
    memcpy(load->name, value, length + 1);
    return true;
}

static bool take_seed(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    return option_number(value, 0, LOAD_SEED_MAX, &load->seed, error);
}

static bool take_schema_id(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    return option_number(value, 1, INT32_MAX, &load->schema_id, error);
}

static bool take_journal(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    load->journal = value;
    return *value || error_set(error, "is empty");
}

static bool take_json(void *options, const char *value, struct error *error)
{
    struct load_options *load = options;
    (void)value;
    (void)error;
    load->json = true;
    return true;
}

static const struct option_row rows[] = {
    {"--by", "WAY", take_by, "http (default) or kafka: records of outbound.requests"},
    {"--url", "URL", take_url,
     "the producer; without it http://OUTBOUND_HTTP_HOST:OUTBOUND_HTTP_PORT of the settings"},
    {"--rate", "N", take_rate, "messages a second, whatever the answers take; needed"},
    {"--for", "SECONDS", take_for, "how long; this or --count is needed"},
    {"--count", "N", take_count, "how many messages"},
    {"--connections", "N", take_connections,
     "requests open at once (256), by Kafka records not acknowledged; only then the rate slows down"},
    {"--channel", "A,B", take_channel, "email (default), sms, whatsapp, taken in turn"},
    {"--name", "WORD", take_name,
     "keys are WORD-1, WORD-2, …: a new one for each run (default: load- and a random number)"},
    {"--seed", "N", take_seed, "the same name and seed make the same messages (1)"},
    {"--schema-id", "N", take_schema_id,
     "by Kafka: records in Confluent's wire format, with this id of MessageRequest in the registry"},
    {"--journal", "FILE", take_journal,
     "what was asked and answered, JSON lines; a new or empty file; needed"},
    {"--json", NULL, take_json, "the summary as JSON"},
};

static void set_random_name(struct load_options *options)
{
    unsigned char random[4];
    random_bytes(random, sizeof random);
    (void)snprintf(options->name, sizeof options->name, "load-%02x%02x%02x%02x", random[0], random[1],
                   random[2], random[3]);
}

bool load_options_parse(char **words, size_t count, struct load_options *ret_options, struct error *error)
{
    struct load_options options = {
        .connections = CONNECTIONS_DEFAULT, .channel_count = 1, .channels = {CHANNEL_EMAIL}, .seed = 1};
    set_random_name(&options);
    if (!option_words_parse(rows, COUNT_OF(rows), words, count, &options, error)) {
        return false;
    }
    if (options.rate == 0) {
        return error_set(error, "--rate is needed");
    }
    if (!options.journal) {
        return error_set(error, "--journal is needed");
    }
    if ((options.seconds == 0) == (options.count == 0)) {
        return error_set(error, "one of --for and --count is needed");
    }
    if (options.by_kafka && options.url) {
        return error_set(error, "--url is not for --by=kafka");
    }
    if (!options.by_kafka && options.schema_id) {
        return error_set(error, "--schema-id is for --by=kafka");
    }
    options.count = options.count ? options.count : options.rate * options.seconds;
    *ret_options = options;
    return true;
}

void load_options_print(FILE *out)
{
    option_words_print(rows, COUNT_OF(rows), out);
}
