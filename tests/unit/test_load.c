/* The messages of `outbound load`, its options, its percentiles. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>
#include <string.h>

#include "sandbox/proof/latencies.h"
#include "sandbox/proof/load_message.h"
#include "sandbox/proof/load_options.h"
#include "schemas/address.h"
#include "schemas/avro_schemas.h"
#include "schemas/request_record.h"
#include "schemas/wire.h"
#include "support/leaks.h"

TestSuite(load, .fini = no_leaks);

#define WORDS_MAX 16

static struct load_options options;
static struct error error;

static bool parse(const char *const *words)
{
    char *arguments[WORDS_MAX];
    size_t count = 0;
    for (; words[count]; count++) {
        arguments[count] = (char *)(uintptr_t)words[count];
    }
    return load_options_parse(arguments, count, &options, &error);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})
#define NEEDED "--rate=100", "--journal=j"

Test(load, options_with_everything)
{
    cr_assert(PARSE("--rate", "50", "--for=20", "--journal=j", "--connections=7", "--channel=sms,email",
                    "--name=w_1", "--seed=9", "--url=http://host:1", "--json"),
              "%s", error.text);
    cr_expect(eq(i64, options.count, 1000)); /* rate times seconds */
    cr_expect(eq(i64, options.connections, 7));
    cr_expect(eq(sz, options.channel_count, 2));
    cr_expect(eq(int, options.channels[0], CHANNEL_SMS));
    cr_expect(eq(int, options.channels[1], CHANNEL_EMAIL));
    cr_expect(eq(str, options.name, "w_1"));
    cr_expect(eq(i64, options.seed, 9));
    cr_expect(options.json && !options.by_kafka);
}

Test(load, a_name_of_its_own_for_each_run)
{
    cr_assert(PARSE(NEEDED, "--count=1"));
    const struct load_options first = options;
    cr_assert(PARSE(NEEDED, "--count=1"));
    cr_expect(ne(str, options.name, (char *)first.name));
}

Test(load, options_that_are_refused)
{
    static char long_url[1000] = "http://";
    memset(long_url + strlen(long_url), 'a', sizeof long_url - 1 - strlen(long_url));
    const struct {
        const char *words[5];
        const char *why;
    } rows[] = {
        {{"--journal=j", "--count=1"}, "--rate is needed"},
        {{"--rate=1", "--count=1"}, "--journal is needed"},
        {{NEEDED}, "one of --for and --count"},
        {{NEEDED, "--count=1", "--for=1"}, "one of --for and --count"},
        {{NEEDED, "--count=1x"}, "--count \"1x\""},
        {{NEEDED, "--count=-1"}, "--count"},
        {{NEEDED, "--count=99999999999999999999"}, "--count"},
        {{NEEDED, "--by=pigeon"}, "--by \"pigeon\""},
        {{NEEDED, "--channel=email,"}, "--channel"},
        {{NEEDED, "--channel=email,fax"}, "--channel"},
        {{NEEDED, "--channel=email,sms,email,sms"}, "--channel"},
        {{NEEDED, "--name=a b"}, "--name"},
        {{NEEDED, "--name="}, "--name"},
        {{NEEDED, "--url=host"}, "--url"},
        {{NEEDED, "--url", long_url}, "more than 900 characters"},
        {{NEEDED, "--count=1", "--by=kafka", "--url=http://h"}, "--url is not for"},
        {{NEEDED, "--count=1", "--schema-id=5"}, "--schema-id is for --by=kafka"},
        {{NEEDED, "--json=1"}, "--json has no value"},
        {{NEEDED, "--seed"}, "--seed needs a value"},
        {{NEEDED, "more"}, "one word too many"},
        {{NEEDED, "--rates=1"}, "there is no option --rates"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cr_expect(not(parse(rows[i].words)), "%s", rows[i].why);
        cr_expect(strstr(error.text, rows[i].why) != NULL, "%s: %s", rows[i].why, error.text);
    }
}

Test(load, a_message_follows_from_name_seed_and_number)
{
    cr_assert(PARSE(NEEDED, "--count=9", "--channel=email,sms,whatsapp", "--name=w"));
    struct load_message first;
    struct load_message again;
    for (int64_t number = 1; number < 2000; number++) {
        load_message_make(&options, number, &first);
        load_message_make(&options, number, &again);
        cr_assert(eq(str, first.text, again.text));
        cr_assert(eq(str, first.to, again.to));
        const char *wrong = first.channel == CHANNEL_EMAIL ? address_check_email(first.to, strlen(first.to))
                                                           : address_check_phone(first.to, strlen(first.to));
        cr_assert(wrong == NULL, "%s %s", first.to, wrong);
        cr_assert(eq(int, first.channel, (int)(number - 1) % 3));
    }
    options.seed++;
    load_message_make(&options, 1999, &again);
    cr_expect(ne(str, first.text, again.text));
    cr_expect(eq(str, first.key, again.key));
    cr_expect(eq(str, first.key, "w-1999"));
}

/* What the router reads is what was made. */
Test(load, a_record_is_read_as_it_was_made)
{
    cr_assert(PARSE(NEEDED, "--count=1", "--channel=email,sms"));
    const char *schema = avro_schema_text(SCHEMA_MESSAGE_REQUEST);
    struct request_reader *reader = request_reader_new(schema, strlen(schema), &error);
    cr_assert(ne(ptr, reader, NULL), "%s", error.text);
    for (int64_t number = 1; number <= 2; number++) {
        struct load_message made;
        load_message_make(&options, number, &made);
        struct buffer record;
        buffer_init(&record, 8192);
        load_message_avro(&made, &record);
        struct wire_record wire;
        cr_assert(wire_parse(record.bytes, record.length, &wire));
        cr_expect(eq(u64, wire.fingerprint, schema_table[SCHEMA_MESSAGE_REQUEST].fingerprint));
        struct arena arena = {0};
        struct new_message message = {0};
        struct violations violations = {.arena = &arena};
        enum error_code code;
        cr_assert(request_reader_read(reader, wire.datum, wire.length, &arena, &message, &violations, &code));
        cr_expect(eq(sz, violations.count, 0));
        cr_expect(text_is(message.idempotency_key, made.key));
        cr_expect(text_is(message.to, made.to));
        cr_expect(text_is(message.source, LOAD_SOURCE));
        cr_expect(text_is(message.channel_name, channel_name(made.channel)));
        cr_expect(number == 1 ? text_is(message.subject, made.subject) : !message.subject.bytes);
        cr_expect(eq(i64, message.dossier_id, number));
        buffer_release(&record);
        arena_release(&arena);
    }
    request_reader_free(reader);
}

Test(load, a_record_has_the_schema_id_of_a_registry)
{
    static const char header[] = {0, 0, 0, 1, 2};
    cr_assert(PARSE(NEEDED, "--count=1", "--by=kafka", "--schema-id=258"));
    struct load_message made;
    load_message_make(&options, 1, &made);
    struct buffer record;
    buffer_init(&record, 8192);
    load_message_avro(&made, &record);
    cr_expect(memcmp(record.bytes, header, sizeof header) == 0);
    buffer_release(&record);
}

Test(load, percentiles_are_those_of_the_nearest_rank)
{
    struct latencies latencies = {0};
    cr_expect(eq(dbl, latencies_percentile_ms(&latencies, 99), 0.0));
    for (int64_t us = 200; us > 0; us--) {
        latencies_add(&latencies, us * 1000);
    }
    cr_expect(eq(dbl, latencies_percentile_ms(&latencies, 50), 100.0));
    cr_expect(eq(dbl, latencies_percentile_ms(&latencies, 99), 198.0));
    cr_expect(eq(dbl, latencies_percentile_ms(&latencies, 100), 200.0));
    latencies_release(&latencies);
}
