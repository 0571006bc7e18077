#include "schemas/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <regex.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/kafka_properties.h"
#include "base/memory.h"
#include "base/pg.h"
#include "schemas/address.h"
#include "schemas/channels.h"
#include "schemas/events.h"
#include "schemas/new_message.h"

#define LEASE_MARGIN_MS 2000

static const struct setting table[] = {
#define SECTION(heading) {.kind = SETTING_SECTION, .help = (heading)},
#define TEXT(member, variable, path, value, text) \
    {.kind = SETTING_TEXT,                        \
     .name = (variable),                          \
     .key = (path),                               \
     .initial = (value),                          \
     .help = (text),                              \
     .offset = offsetof(struct config, member)},
#define SECRET(member, variable, path, value, text) \
    {.kind = SETTING_SECRET,                        \
     .name = (variable),                            \
     .key = (path),                                 \
     .initial = (value),                            \
     .help = (text),                                \
     .offset = offsetof(struct config, member)},
#define PROPERTIES(member, variable, path, value, text) \
    {.kind = SETTING_PROPERTIES,                        \
     .name = (variable),                                \
     .key = (path),                                     \
     .initial = (value),                                \
     .help = (text),                                    \
     .offset = offsetof(struct config, member)},
#define INT(member, variable, path, value, least, most, text) \
    {.kind = SETTING_INT,                                     \
     .name = (variable),                                      \
     .key = (path),                                           \
     .initial = #value,                                       \
     .min = (least),                                          \
     .max = (most),                                           \
     .help = (text),                                          \
     .offset = offsetof(struct config, member)},
#define BOOL(member, variable, path, value, text) \
    {.kind = SETTING_BOOL,                        \
     .name = (variable),                          \
     .key = (path),                               \
     .initial = (value),                          \
     .help = (text),                              \
     .offset = offsetof(struct config, member)},
#define CHOICE(member, variable, path, value, list, text) \
    {.kind = SETTING_CHOICE,                              \
     .name = (variable),                                  \
     .key = (path),                                       \
     .initial = (value),                                  \
     .choices = (list),                                   \
     .help = (text),                                      \
     .offset = offsetof(struct config, member)},
#include "schemas/settings.def"
};

bool config_parse_delay(const char **text, int64_t *ret_ms)
{
    char *end;
    errno = 0;
    const long long number = strtoll(*text, &end, 10);
    if (end == *text || errno || number < 1 || number > 1000000) {
        return false;
    }
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        const size_t length = strlen(units[i].unit);
        if (strncmp(end, units[i].unit, length) == 0 && (end[length] == '\0' || end[length] == ',')) {
            *ret_ms = number * units[i].ms;
            *text = end + length;
            return true;
        }
    }
    return false;
}

/* Walks the list up to the `wanted`th delay (from 1) or its last one; 0 when the list is malformed. */
static int64_t retry_delay(const char *list, int wanted)
{
    int64_t delay_ms = 0;
    const char *at = list;
    for (int i = 1; i <= RETRY_DELAYS_MAX; i++) {
        if (!config_parse_delay(&at, &delay_ms)) {
            return 0;
        }
        if (i == wanted || *at == '\0') {
            return delay_ms;
        }
        at++;
    }
    return 0;
}

int64_t config_retry_delay_ms(const struct config *config, int attempt_count)
{
    return retry_delay(config->retry_delays, attempt_count < 1 ? 1 : attempt_count);
}

int config_retry_delay_count(const struct config *config)
{
    int count = 1;
    for (const char *at = config->retry_delays; (at = strchr(at, ',')); at++) {
        count++;
    }
    return count;
}

const char *config_provider(const struct config *config, enum channel channel)
{
    switch (channel) {
#define CHANNEL(id, name, label, topic, urgent_topic, provider, unknown_policy) \
    case CHANNEL_##id:                                                          \
        return config->provider;
#include "schemas/channels.def"
#undef CHANNEL
    case CHANNEL_COUNT:
        break;
    }
    abort();
}

const char *config_unknown_policy(const struct config *config, enum channel channel)
{
    switch (channel) {
#define CHANNEL(id, name, label, topic, urgent_topic, provider, unknown_policy) \
    case CHANNEL_##id:                                                          \
        return config->unknown_policy;
#include "schemas/channels.def"
#undef CHANNEL
    case CHANNEL_COUNT:
        break;
    }
    abort();
}

struct kafka_options config_kafka(const struct config *config, const char *client_id)
{
    return (struct kafka_options){
        .brokers = config->kafka_brokers, .client_id = client_id, .properties = config->kafka_properties};
}

/* Sentry's name for the share of traces; OpenTelemetry's names win. */
static bool sentry_samples(const struct config *config)
{
    return *config->sentry_traces_sample_rate && !*config->traces_sampler_arg &&
           strcmp(config->traces_sampler, "parentbased_always_on") == 0; /* the default */
}

struct trace_settings config_traces(const struct config *config)
{
    const bool sentry = sentry_samples(config);
    return (struct trace_settings){.endpoint = config->otlp_endpoint,
                                   .headers = config->otlp_headers,
                                   .ca_file = config->otlp_certificate,
                                   .timeout_ms = (unsigned)config->otlp_timeout_ms,
                                   .sampler = sentry ? "parentbased_traceidratio" : config->traces_sampler,
                                   .sampler_arg = sentry ? config->sentry_traces_sample_rate
                                                         : config->traces_sampler_arg,
                                   .service_name = config->otel_service_name,
                                   .resource_attributes = config->otel_resource_attributes};
}

uint16_t config_metrics_port(const struct config *config, enum metrics_server server, enum channel channel)
{
    const int64_t above = (int64_t)server + (server == METRICS_SENDER ? (int64_t)channel : 0);
    return config->metrics_port ? (uint16_t)(config->metrics_port + above) : 0;
}

const char *config_instance_id(const struct config *config)
{
    return strcmp(config->instance_id, "-") == 0 ? "" : config->instance_id;
}

static bool check_url(const char *name, const char *text, struct error *error)
{
    return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0 ||
           error_set(error, "%s: \"%s\" is not an http:// or https:// URL", name, text);
}

/* The base of all paths: nothing may stand behind it, and a password would end up in logs. */
static bool check_registry(const struct config *config, struct error *error)
{
    const char *url = config->registry_url;
    const char *user_info = config->registry_user_info;
    const char *ca_file = config->registry_ca_file;
    const char *host = strstr(url, "://");
    if (*url && !check_url("SCHEMA_REGISTRY_URL", url, error)) {
        return false;
    }
    if (*url && (strchr("/:", host[3]) || !text_is_visible_ascii(text_of(url)) || strpbrk(url, "?#@,\\\""))) {
        return error_set(
            error, "SCHEMA_REGISTRY_URL: must be one URL of a host and a path, without a query; a login "
                   "belongs into SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO");
    }
    if (*user_info && (!strchr(user_info + 1, ':') || strpbrk(user_info, "\r\n"))) {
        return error_set(error, "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO: is not user:password");
    }
    return !*ca_file || access(ca_file, R_OK) == 0 ||
           error_set(error, "SCHEMA_REGISTRY_SSL_CA_LOCATION: %s: %s", ca_file, strerror(errno));
}

static bool check_host(const char *name, const char *text, struct error *error)
{
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1 ||
           error_set(error, "%s: \"%s\" is not an IPv4 address", name, text);
}

static bool check_alerts(const struct config *config, struct error *error)
{
    const struct text recipient = text_of(config->alert_recipient);
    const char *problem = recipient.length ? address_check_phone(recipient.bytes, recipient.length) : NULL;
    if (problem) {
        return error_set(error, "OUTBOUND_ALERT_RECIPIENT: \"%s\" %s", recipient.bytes, problem);
    }
    const struct text template = text_of(config->alert_template);
    return (template.length > 0 && template.length <= TEMPLATE_CODE_MAX && text_is_visible_ascii(template)) ||
           error_set(error, "OUTBOUND_ALERT_TEMPLATE: must have 1 to %d visible ASCII characters",
                     TEMPLATE_CODE_MAX);
}

static bool check_pattern(const char *name, const char *text, struct error *error)
{
    regex_t pattern;
    const int refused = regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB);
    char reason[128];
    (void)regerror(refused, &pattern, reason, sizeof reason);
    if (!refused) {
        regfree(&pattern);
    }
    return !refused ||
           error_set(error, "%s: \"%s\" is not a POSIX extended regular expression: %s", name, text, reason);
}

static bool check_sentry(const struct config *config, struct error *error)
{
    const char *rate = config->sentry_traces_sample_rate;
    double ratio;
    return !*rate || trace_settings_ratio(&(struct trace_settings){.sampler_arg = rate}, &ratio) ||
           error_set(error, "SENTRY_TRACES_SAMPLE_RATE: \"%s\" is not a number from 0 to 1", rate);
}

static bool check(const struct config *config, struct error *error)
{
    if (!pg_url_is_readable(config->database_url)) {
        return error_set(error, "DATABASE_URL: is not a libpq URI or connection string");
    }
    if (!kafka_properties_check(config->kafka_properties, error) ||
        !check_host("OUTBOUND_HTTP_HOST", config->http_host, error) ||
        !check_host("OUTBOUND_SANDBOX_HOST", config->sandbox_host, error)) {
        return false;
    }
    const struct text org = text_of(config->default_org_id);
    if (org.length == 0 || org.length > ORG_ID_MAX || !text_is_visible_ascii(org)) {
        return error_set(error, "OUTBOUND_DEFAULT_ORG_ID: must have 1 to %d visible ASCII characters",
                         ORG_ID_MAX);
    }
    if (!*config->kafka_brokers) {
        return error_set(error, "KAFKA_BROKERS: is empty");
    }
    if (retry_delay(config->retry_delays, RETRY_DELAYS_MAX + 1) == 0) {
        return error_set(error,
                         "OUTBOUND_RETRY_DELAYS: \"%s\" is not a list of 1 to %d delays like 5s,30s,2m",
                         config->retry_delays, RETRY_DELAYS_MAX);
    }
    if (config->sender_lease_ms < config->sender_timeout_ms + LEASE_MARGIN_MS) {
        return error_set(
            error,
            "OUTBOUND_SENDER_LEASE_MS: %lld is less than OUTBOUND_SENDER_TIMEOUT_MS (%lld) and %d more",
            (long long)config->sender_lease_ms, (long long)config->sender_timeout_ms, LEASE_MARGIN_MS);
    }
    if (config->outbox_lease_ms <= config->kafka_message_timeout_ms) {
        return error_set(
            error, "OUTBOUND_OUTBOX_LEASE_MS: %lld is not more than OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS (%lld)",
            (long long)config->outbox_lease_ms, (long long)config->kafka_message_timeout_ms);
    }
    const struct trace_settings traces = config_traces(config);
    return check_alerts(config, error) && check_registry(config, error) && check_sentry(config, error) &&
           trace_settings_check(&traces, error) && events_check(config, error) &&
           check_pattern("OUTBOUND_EXPORTER_GROUPS", config->exporter_groups, error) &&
           check_pattern("OUTBOUND_EXPORTER_TOPICS", config->exporter_topics, error) &&
           check_url("SENDGRID_BASE_URL", config->sendgrid_base_url, error) &&
           check_url("TWILIO_BASE_URL", config->twilio_base_url, error) &&
           (!*config->twilio_status_callback_url ||
            check_url("TWILIO_STATUS_CALLBACK_URL", config->twilio_status_callback_url, error)) &&
           check_url("WHATSAPP_BASE_URL", config->whatsapp_base_url, error);
}

bool config_load(const struct settings_source *source, struct config *ret_config, struct error *error)
{
    struct config config;
    if (!settings_load(table, COUNT_OF(table), source, &config, error)) {
        return false;
    }
    if (!check(&config, error)) {
        config_release(&config);
        return false;
    }
    *ret_config = config;
    return true;
}

void config_release(struct config *config)
{
    settings_release(table, COUNT_OF(table), config);
}

bool config_knows(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (table[i].name && strcmp(table[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void config_print_help(FILE *out)
{
    settings_print_help(table, COUNT_OF(table), out);
}

void config_print_values(const struct config *config, FILE *out)
{
    settings_print_values(table, COUNT_OF(table), config, out);
}

void config_print_markdown(FILE *out)
{
    settings_print_markdown(table, COUNT_OF(table), out);
}
