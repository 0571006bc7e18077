/*
 * config.h - the settings of settings.def as a struct, loaded and checked.
 */
#ifndef SCHEMAS_CONFIG_H
#define SCHEMAS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/kafka.h"
#include "base/settings.h"
#include "base/trace_settings.h"
#include "schemas/channels.h"

struct config {
#define SECTION(heading)
#define TEXT(member, ...) const char *member;
#define SECRET(member, ...) const char *member;
#define PROPERTIES(member, ...) const char *member;
#define INT(member, ...) int64_t member;
#define BOOL(member, ...) bool member;
#define CHOICE(member, ...) const char *member;
#include "schemas/settings.def"
#undef SECTION
#undef TEXT
#undef SECRET
#undef PROPERTIES
#undef INT
#undef BOOL
#undef CHOICE
};

/*
 * Loads all settings and checks what one row alone cannot: those that depend on each other, lists, URLs.
 * False: a sentence that names the setting; then there is nothing to release.
 */
MUST_CHECK bool config_load(const struct settings_source *source, struct config *ret_config,
                            struct error *error);

void config_release(struct config *config);

/* Whether `name` is a setting. */
bool config_knows(const char *name);

void config_print_help(FILE *out);
void config_print_values(const struct config *config, FILE *out);
void config_print_markdown(FILE *out);

/* The name of the provider that serves a channel; "none" for none. */
const char *config_provider(const struct config *config, enum channel channel);

/* "resend" or "hold": what becomes of messages of which nobody knows whether a provider took them. */
const char *config_unknown_policy(const struct config *config, enum channel channel);

/* How to reach Kafka under the name `client_id`; valid as long as the configuration. */
struct kafka_options config_kafka(const struct config *config, const char *client_id);

/* Which messages are traced; valid as long as the configuration. */
struct trace_settings config_traces(const struct config *config);

/* Who serves metrics on a port of its own, in the order of the ports. */
enum metrics_server { METRICS_EXPORTER, METRICS_ROUTER, METRICS_DLQ, METRICS_SENDER };

/* The port of /metrics; 0: none. `channel` counts for METRICS_SENDER. */
uint16_t config_metrics_port(const struct config *config, enum metrics_server server, enum channel channel);

/* For group.instance.id; "" for none. */
const char *config_instance_id(const struct config *config);

#define RETRY_DELAYS_MAX 16

/* One delay such as "250ms", "5s", "2m", "1h", that ends with the text or a comma; moves *text behind it. */
MUST_CHECK bool config_parse_delay(const char **text, int64_t *ret_ms);

/* How many delays OUTBOUND_RETRY_DELAYS has. */
int config_retry_delay_count(const struct config *config);

/* The pause after attempt `attempt_count` (1 for the first) of OUTBOUND_RETRY_DELAYS. */
int64_t config_retry_delay_ms(const struct config *config, int attempt_count);

#endif
