#include "schemas/config.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attributes.h"
#include "schemas/migrate.h"
#include "support/leaks.h"
#include "support/says.h"
#include "support/temp_file.h"

static struct config config; /* what was loaded last */

static void no_environment(void)
{
    clearenv();
}

static void released(void)
{
    config_release(&config);
    no_leaks();
}

TestSuite(config, .init = no_environment, .fini = released);

/* The rows once more, as far as the tests look at them. */
static const struct {
    const char *variable;
    const char *key;
    const char *help;
    int64_t most;
} rows[] = {
#define SECTION(heading)
#define TEXT(member, variable, key, initial, help) {variable, key, help},
#define SECRET(member, variable, key, initial, help) {variable, key, help},
#define PROPERTIES(member, variable, key, initial, help) {variable, key, help},
#define INT(member, variable, key, initial, least, most, help) {variable, key, help, most},
#define BOOL(member, variable, key, initial, help) {variable, key, help},
#define CHOICE(member, variable, key, initial, choices, help) {variable, key, help},
#include "schemas/settings.def"
};

static const struct settings_source nothing;

static bool load(const struct settings_source *source, struct error *error)
{
    config_release(&config);
    return config_load(source, &config, error);
}

static void load_well(void)
{
    struct error error = {0};
    cr_assert(load(&nothing, &error), "%s", error.text);
}

Test(config, defaults_load)
{
    load_well();
    cr_expect(eq(str, config.kafka_brokers, "localhost:9092"));
    cr_expect(eq(str, config.database_url, "postgresql:///outbound"));
    cr_expect(eq(i64, config.http_port, 8080));
    cr_expect(config.worker_enabled);
    cr_expect(eq(str, config.sendgrid_api_key, ""));
    cr_expect(eq(i64, config.kafka_replication_factor, -1));
}

Test(config, rows_are_whole_and_unique)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect(eq(sz, strspn(rows[i].variable, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"),
                     strlen(rows[i].variable)),
                  "%s", rows[i].variable);
        cr_expect(rows[i].help[0] && rows[i].help[strlen(rows[i].help) - 1] == '.', "%s: no sentence",
                  rows[i].variable);
        cr_expect(config_knows(rows[i].variable), "%s", rows[i].variable);
        for (size_t j = 0; j < i; j++) {
            cr_expect(ne(str, rows[i].variable, rows[j].variable));
            cr_expect(ne(str, rows[i].key, rows[j].key));
        }
    }
    cr_expect(not(config_knows("OUTBOUND_NOTHING")));
    cr_expect(not(config_knows("")));
}

/* A transaction's events are one row, whose places are numbers of events: no batch may have more. */
Test(config, no_batch_has_more_events_than_their_row_has_places)
{
    static const char places[] = "GENERATED ALWAYS AS IDENTITY (INCREMENT BY ";
    long long count = 0;
    for (size_t i = 0; i < migration_count; i++) {
        const char *found = strstr(migrations[i].sql, places);
        count = found ? strtoll(found + strlen(places), NULL, 10) : count;
    }
    cr_assert(gt(i64, count, 0));
    size_t batches = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strstr(rows[i].variable, "_BATCH_SIZE")) {
            batches++;
            cr_expect(le(i64, rows[i].most, count), "%s", rows[i].variable);
        }
    }
    cr_expect(gt(sz, batches, 0));
}

Test(config, every_key_is_read_from_yaml)
{
    const struct settings_source source = {.yaml_path =
                                               temp_file("kafka:\n  brokers: y:1\n  messageTimeoutMs: 1234\n"
                                                         "worker: {enabled: false}\nlog:\n  level: warn\n"
                                                         "sendgrid: {apiKey: SG.x}\n")};
    struct error error = {0};
    cr_assert(load(&source, &error), "%s", error.text);
    cr_expect(eq(str, config.kafka_brokers, "y:1"));
    cr_expect(eq(i64, config.kafka_message_timeout_ms, 1234));
    cr_expect(not(config.worker_enabled));
    cr_expect(eq(str, config.log_level, "warn"));
    cr_expect(eq(str, config.sendgrid_api_key, "SG.x"));
}

/* Each value alone is in its range; together they are wrong. */
Test(config, settings_that_contradict_each_other_are_named)
{
    static const struct {
        const char *variable, *value;
        const char *other, *other_value; /* NULL: the default */
        bool fine;
    } table[] = {
        {"OUTBOUND_SENDER_LEASE_MS", "11999", NULL, NULL, false},
        {"OUTBOUND_SENDER_LEASE_MS", "12000", NULL, NULL, true},
        {"OUTBOUND_SENDER_LEASE_MS", "30000", "OUTBOUND_SENDER_TIMEOUT_MS", "28001", false},
        {"OUTBOUND_SENDER_LEASE_MS", "30000", "OUTBOUND_SENDER_TIMEOUT_MS", "28000", true},
        {"OUTBOUND_OUTBOX_LEASE_MS", "8000", NULL, NULL, false},
        {"OUTBOUND_OUTBOX_LEASE_MS", "8001", NULL, NULL, true},
        {"OUTBOUND_OUTBOX_LEASE_MS", "20000", "OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS", "20000", false},
        {"OUTBOUND_OUTBOX_LEASE_MS", "20000", "OUTBOUND_KAFKA_MESSAGE_TIMEOUT_MS", "19999", true},
        {"SENDGRID_BASE_URL", "api.sendgrid.com", NULL, NULL, false},
        {"SENDGRID_BASE_URL", "ftp://api.sendgrid.com", NULL, NULL, false},
        {"SENDGRID_BASE_URL", "", NULL, NULL, false},
        {"SENDGRID_BASE_URL", "http://127.0.0.1:18090", NULL, NULL, true},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct error error = {0};
        clearenv();
        setenv(table[i].variable, table[i].value, 1);
        if (table[i].other) {
            setenv(table[i].other, table[i].other_value, 1);
        }
        cr_expect(load(&nothing, &error) == table[i].fine, "row %zu: %s", i, error.text);
        if (!table[i].fine) {
            EXPECT_SAYS(error.text, table[i].variable);
        }
        if (!table[i].fine && table[i].other) {
            EXPECT_SAYS(error.text, table[i].other);
        }
    }
}

Test(config, wrong_retry_delays_are_named)
{
    static const char *const lists[] = {
        "",
        "5",
        "s",
        "5s,",
        ",5s",
        "5s,,5s",
        "5s;5s",
        "5 s",
        "5s x",
        "0s",
        "-5s",
        "5d",
        "5sec",
        "1.5s",
        "1000001s",
        "99999999999999999999s",
        "5ms5s",
        "x",
        "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s", /* 17 */
    };
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct error error = {0};
        setenv("OUTBOUND_RETRY_DELAYS", lists[i], 1);
        cr_expect(not(load(&nothing, &error)), "\"%s\" is accepted", lists[i]);
        EXPECT_SAYS(error.text, "OUTBOUND_RETRY_DELAYS");
        EXPECT_SAYS(error.text, lists[i]);
    }
}

Test(config, retry_delays)
{
    static const struct {
        const char *list;
        int attempt;
        int64_t ms;
    } table[] = {
        {"250ms", 1, 250},
        {"250ms", 2, 250},
        {"250ms", 1000, 250},
        {"1ms,2s,3m,4h", 1, 1},
        {"1ms,2s,3m,4h", 2, 2000},
        {"1ms,2s,3m,4h", 3, 180000},
        {"1ms,2s,3m,4h", 4, 14400000},
        {"1ms,2s,3m,4h", 5, 14400000}, /* the last one repeats */
        {"1ms,2s,3m,4h", 2000000000, 14400000},
        {"1ms,2s,3m,4h", 0, 1},
        {"1ms,2s,3m,4h", -1, 1},
        {"1000000h", 1, INT64_C(3600000000000)},
        {"1s,2s,3s,4s,5s,6s,7s,8s,9s,10s,11s,12s,13s,14s,15s,16s", 16, 16000},
        {"1s,2s,3s,4s,5s,6s,7s,8s,9s,10s,11s,12s,13s,14s,15s,16s", 17, 16000},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        setenv("OUTBOUND_RETRY_DELAYS", table[i].list, 1);
        load_well();
        cr_expect(eq(i64, config_retry_delay_ms(&config, table[i].attempt), table[i].ms), "%s, attempt %d",
                  table[i].list, table[i].attempt);
    }
}

Test(config, instance_id_names_a_static_member_or_none)
{
    load_well();
    cr_expect(eq(str, config_instance_id(&config), ""));
    setenv("OUTBOUND_INSTANCE_ID", "-", 1);
    load_well();
    cr_expect(eq(str, config_instance_id(&config), ""));
    setenv("OUTBOUND_INSTANCE_ID", "sender-3", 1);
    load_well();
    cr_expect(eq(str, config_instance_id(&config), "sender-3"));
}

/* Names of two worlds for the same thing. */
Test(config, sentrys_share_of_traces_counts_where_opentelemetry_has_none)
{
    static const struct {
        const char *rate, *sampler, *arg;
        char *used, *used_arg;
    } cases[] = {
        {"", "parentbased_always_on", "", "parentbased_always_on", ""},
        {"0.1", "parentbased_always_on", "", "parentbased_traceidratio", "0.1"},
        {"0.1", "always_on", "", "always_on", ""},
        {"0.1", "traceidratio", "0.5", "traceidratio", "0.5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("SENTRY_TRACES_SAMPLE_RATE", cases[i].rate, 1);
        setenv("OTEL_TRACES_SAMPLER", cases[i].sampler, 1);
        setenv("OTEL_TRACES_SAMPLER_ARG", cases[i].arg, 1);
        load_well();
        const struct trace_settings traces = config_traces(&config);
        cr_expect(eq(str, (char *)traces.sampler, cases[i].used), "row %zu", i);
        cr_expect(eq(str, (char *)traces.sampler_arg, cases[i].used_arg), "row %zu", i);
    }
    setenv("SENTRY_TRACES_SAMPLE_RATE", "1.5", 1);
    struct error error;
    cr_assert(not(load(&(struct settings_source){0}, &error)));
    EXPECT_SAYS(error.text, "SENTRY_TRACES_SAMPLE_RATE");
}

Test(config, secrets_are_masked_in_print)
{
    setenv("DATABASE_URL", "postgresql://user:pass-word@db/outbound", 1);
    setenv("SENDGRID_API_KEY", "SG.pass-word", 1);
    setenv("KAFKA_PROPERTIES", "sasl.password=pass-word", 1);
    load_well();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_print_values(&config, out);
    (void)fclose(out);
    cr_expect(strstr(text, "pass-word") == NULL, "%s", text);
    EXPECT_SAYS(text, "DATABASE_URL=****");
    EXPECT_SAYS(text, "SENDGRID_API_KEY=****");
    EXPECT_SAYS(text, "KAFKA_PROPERTIES=****");
    EXPECT_SAYS(text, "KAFKA_BROKERS=localhost:9092");
    free(text);
}

Test(config, help_and_page_show_every_setting)
{
    char *help = NULL;
    char *page = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&help, &size);
    config_print_help(out);
    (void)fclose(out);
    out = open_memstream(&page, &size);
    config_print_markdown(out);
    (void)fclose(out);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        EXPECT_SAYS(help, rows[i].variable);
        EXPECT_SAYS(help, rows[i].help);
        EXPECT_SAYS(page, rows[i].variable);
        EXPECT_SAYS(page, rows[i].key);
        EXPECT_SAYS(page, rows[i].help);
    }
    free(help);
    free(page);
}
