/*
 * What a user may set. The first byte says what the others are: a YAML file (0), lines NAME=VALUE of the
 * environment (1), KAFKA_PROPERTIES (2), SENTRY_DSN (3), headers and attributes of OpenTelemetry (4), or
 * templates of a provider (5).
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/kafka_properties.h"
#include "base/pairs.h"
#include "metrics/sentry_dsn.h"
#include "schemas/config.h"
#include "schemas/tiers.h"
#include "senders/provider.h"
#include "senders/template_map.h"
#include "tests/fuzz/targets.h"

/* One sentence that can be shown; what was wrong may have been no text at all. */
static void must_be_said(const struct error *error)
{
    must(*error->text && strnlen(error->text, sizeof error->text) < sizeof error->text);
}

static void try_load(const char *yaml_path)
{
    struct config config;
    struct error error = {0};
    const struct settings_source source = {.yaml_path = yaml_path};
    if (config_load(&source, &config, &error)) {
        struct tiers tiers;
        tiers_of(&config, &tiers);
        must(tiers.count <= RETRY_DELAYS_MAX && config_retry_delay_ms(&config, 1) >= 0);
        config_release(&config);
    } else {
        must_be_said(&error);
    }
}

static void try_yaml(const char *text, size_t length)
{
    char path[64];
    const int fd = memfd_create("settings", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    try_load(path);
    (void)close(fd);
}

static void try_environment(char *text)
{
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *value = line;
        const char *name = strsep(&value, "=");
        if (value && config_knows(name)) {
            (void)setenv(name, value, 1);
        }
    }
    try_load(NULL);
    (void)clearenv();
}

static void try_properties(const char *text)
{
    struct error error = {0};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!kafka_properties_set(conf, text, &error)) {
        must_be_said(&error);
    }
    rd_kafka_conf_destroy(conf);
}

static void try_dsn(const char *text)
{
    struct sentry_target target;
    struct error error = {0};
    if (!sentry_dsn_parse(text, &target, &error)) {
        must_be_said(&error);
    }
}

static bool take_pair(void *arg, const char *name, const char *value)
{
    size_t *left = arg;
    must(strlen(name) + strlen(value) <= *left);
    *left -= strlen(name) + strlen(value);
    return true;
}

static bool any_id(struct text id)
{
    return id.length > 0;
}

static void try_templates(const char *text)
{
    struct error error = {0};
    struct text id;
    if (!template_map_check("TEMPLATES", text, any_id, "code=id", &error)) {
        must_be_said(&error);
    } else if (template_map_find(text, "code", &id)) {
        must(id.bytes >= text && id.bytes + id.length <= text + strlen(text));
    }
}

int fuzz_settings(const uint8_t *bytes, size_t length)
{
    if (length == 0) {
        return 0;
    }
    size_t left = length;
    struct arena arena = {NULL};
    char *text = arena_copy(&arena, (const char *)bytes + 1, length - 1);
    switch (bytes[0]) {
    case 0:
        try_yaml((const char *)bytes + 1, length - 1);
        break;
    case 1:
        try_environment(text);
        break;
    case 2:
        try_properties(text);
        break;
    case 3:
        try_dsn(text);
        break;
    case 4:
        must(pairs_each(text, take_pair, &left) || left <= length);
        break;
    case 5:
        try_templates(text);
        break;
    default:
        break;
    }
    arena_release(&arena);
    return 0;
}
