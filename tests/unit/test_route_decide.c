#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "router/router.h"
#include "schemas/channels.h"

static struct route decide_bytes(const char *bytes, size_t length)
{
    const rd_kafka_message_t record = {.payload = (void *)(uintptr_t)bytes, .len = length};
    return route_decide(&record);
}

static struct route decide(const char *channel, const char *priority, const char *key)
{
    const struct reference reference = {
        .org_id = text_of("org"), .channel = text_of(channel), .priority = text_of(priority)};
    struct buffer value;
    buffer_init(&value, 4096);
    reference_encode(&reference, &value);
    const rd_kafka_message_t record = {.payload = value.bytes,
                                       .len = value.length,
                                       .key = (void *)(uintptr_t)key,
                                       .key_len = key ? strlen(key) : 0};
    const struct route route = route_decide(&record);
    buffer_release(&value);
    return route;
}

Test(route, each_channel_and_priority_has_its_topic)
{
    for (int i = 0; i < CHANNEL_COUNT; i++) {
        const enum channel channel = (enum channel)i;
        const struct route normal = decide(channel_name(channel), PRIORITY_NORMAL, NULL);
        cr_expect_eq(normal.topic, channel_topic(channel, false));
        cr_expect_eq(normal.code, ERROR_NONE);
        const struct route urgent = decide(channel_name(channel), PRIORITY_URGENT, NULL);
        cr_expect_eq(urgent.topic, channel_topic(channel, true));
        cr_expect_eq(urgent.code, ERROR_NONE);
    }
}

/* The reference's id is all zero. */
Test(route, only_a_key_that_is_not_the_id_chooses_the_partition)
{
    cr_expect(not(decide("EMAIL", PRIORITY_NORMAL, NULL).by_key));
    cr_expect(not(decide("EMAIL", PRIORITY_NORMAL, "00000000-0000-0000-0000-000000000000").by_key));
    cr_expect(decide("EMAIL", PRIORITY_NORMAL, "00000000-0000-0000-0000-000000000001").by_key);
    cr_expect(decide("EMAIL", PRIORITY_NORMAL, "customer 7").by_key);
}

Test(route, what_cannot_be_routed_goes_to_the_dead_letters_with_its_reason)
{
    static const char *const unknown_schema = "\xc3\x01"
                                              "12345678"
                                              "rest";
    const struct {
        struct route route;
        enum error_code code;
    } cases[] = {
        {decide("PIGEON", PRIORITY_NORMAL, NULL), ERROR_UNKNOWN_CHANNEL},
        {decide_bytes("not avro", 8), ERROR_MALFORMED_RECORD},
        {decide_bytes(NULL, 0), ERROR_MALFORMED_RECORD},
        {decide_bytes(unknown_schema, 14), ERROR_UNKNOWN_SCHEMA},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        cr_expect_eq(cases[i].route.topic, TOPIC_DLQ);
        cr_expect_eq(cases[i].route.code, cases[i].code);
    }
}
