#include "base/kafka.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
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

Test(kafka, properties_do_not_win_over_options)
{
    struct error error = {0};
    const struct kafka_options options = {"b:1", "me", "bootstrap.servers=x:1,client.id=you"};
    rd_kafka_conf_t *conf = kafka_conf_new(&options, &error);
    cr_assert(conf != NULL, "%s", error.text);
    expect_property(conf, "bootstrap.servers", "b:1");
    expect_property(conf, "client.id", "me");
    rd_kafka_conf_destroy(conf);
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
        {"compression.type=lz4,nonsense", "nonsense"},
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
