#include "base/kafka.h"
#include "base/kafka_properties.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "support/leaks.h"
#include "support/says.h"

TestSuite(kafka, .fini = no_leaks);

static void expect_property(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char now[256];
    size_t size = sizeof now;
    cr_assert(eq(int, rd_kafka_conf_get(conf, name, now, &size), RD_KAFKA_CONF_OK), "%s", name);
    cr_expect(eq(str, now, value), "%s", name);
}

Test(kafka, properties_are_split_and_trimmed)
{
    static const char *const lists[] = {
        "compression.type=lz4,socket.timeout.ms=12345",
        " compression.type = lz4 ,\n\t socket.timeout.ms\t=\t12345 \n\n,,",
        "compression.type=lz4\r\nsocket.timeout.ms=12345\r\n",
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct error error = {0};
        const struct kafka_options options = {"one:1,two:2", "me", lists[i]};
        rd_kafka_conf_t *conf = kafka_conf_new(&options, &error);
        cr_assert(conf != NULL, "%s", error.text);
        expect_property(conf, "compression.type", "lz4");
        expect_property(conf, "socket.timeout.ms", "12345");
        expect_property(conf, "bootstrap.servers", "one:1,two:2");
        expect_property(conf, "client.id", "me");
        rd_kafka_conf_destroy(conf);
    }
}

Test(kafka, a_value_may_hold_equals_signs)
{
    struct error error = {0};
    const struct kafka_options options = {"b:1", "me", "sasl.password=a=b=="};
    rd_kafka_conf_t *conf = kafka_conf_new(&options, &error);
    cr_assert(conf != NULL, "%s", error.text);
    expect_property(conf, "sasl.password", "a=b==");
    rd_kafka_conf_destroy(conf);
}

Test(kafka, separators_and_backslashes_within_a_value)
{
    struct error error = {0};
    const struct kafka_options options = {
        "b:1", "me",
        "kafka.sasl.password = a\\,b\\\\\\,\\c , ssl.ca.pem=one\\\ntwo,sasl.username=DOMAIN\\user"};
    rd_kafka_conf_t *conf = kafka_conf_new(&options, &error);
    cr_assert(conf != NULL, "%s", error.text);
    expect_property(conf, "sasl.password", "a,b\\,\\c");
    expect_property(conf, "ssl.ca.pem", "one\ntwo");
    expect_property(conf, "sasl.username", "DOMAIN\\user");
    rd_kafka_conf_destroy(conf);
}

/* A wrong one would be ignored, or would take a promise away. */
Test(kafka, what_the_program_sets_itself_is_refused)
{
    static const char *const rows[] = {
        "bootstrap.servers=x:1",
        "acks=0",
        "request.required.acks=1",
        "enable.idempotence=false",
        "group.id=mine",
        "auto.offset.reset=latest",
        "enable.auto.commit=false",
        "kafka.isolation.level=read_uncommitted",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        const struct kafka_options options = {"b:1", "me", rows[i]};
        cr_expect(kafka_conf_new(&options, &error) == NULL, "%s", rows[i]);
        char name[64];
        const char *start = strncmp(rows[i], "kafka.", 6) == 0 ? rows[i] + 6 : rows[i];
        (void)snprintf(name, sizeof name, "KAFKA_PROPERTIES: %.*s cannot be set: ", (int)strcspn(start, "="),
                       start);
        EXPECT_SAYS(error.text, name);
    }
}

/* What only shows when all of them are seen together. */
Test(kafka, properties_that_make_no_client)
{
    static const struct {
        const char *properties;
        const char *word;
    } rows[] = {
        {"security.protocol=SASL_SSL,sasl.mechanisms=SCRAM-SHA-512", "sasl.username"},
        {"security.protocol=ssl,ssl.ca.location=/no/such/file", "ssl.ca.location"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        cr_expect(not(kafka_properties_check(rows[i].properties, &error)), "%s", rows[i].properties);
        EXPECT_SAYS(error.text, "KAFKA_PROPERTIES: ");
        EXPECT_SAYS(error.text, rows[i].word);
    }
    struct error error = {0};
    cr_expect(kafka_properties_check("security.protocol=ssl,debug=security,compression.type=lz4", &error),
              "%s", error.text);
}

Test(kafka, no_properties)
{
    struct error error = {0};
    static const char *const none[] = {NULL, "", " \n"};
    for (size_t i = 0; i < 3; i++) {
        const struct kafka_options options = {"b:1", "me", none[i]};
        rd_kafka_conf_t *conf = kafka_conf_new(&options, &error);
        cr_assert(conf != NULL, "%s", error.text);
        rd_kafka_conf_destroy(conf);
    }
}

Test(kafka, wrong_properties_are_named)
{
    static const struct {
        const char *properties;
        const char *words;
    } rows[] = {
        {"no.such.thing=1", "no.such.thing"},
        {"compression.type=lz4,,nonsense", "entry 2 has no '='"},
        {"socket.timeout.ms=long", "socket.timeout.ms"},
        {"socket.timeout.ms=1", "socket.timeout.ms"},
        {"=1", "KAFKA_PROPERTIES"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {0};
        const struct kafka_options options = {"b:1", "me", rows[i].properties};
        cr_expect(kafka_conf_new(&options, &error) == NULL, "%s", rows[i].properties);
        EXPECT_SAYS(error.text, "KAFKA_PROPERTIES");
        EXPECT_SAYS(error.text, rows[i].words);
    }
}
