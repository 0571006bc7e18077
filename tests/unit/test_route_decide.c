#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "router/router.h"
#include "schemas/channels.h"

static void decide(const char *channel, const char *priority, enum topic *ret_topic,
                   enum error_code *ret_code)
{
    const struct reference reference = {
        .org_id = text_of("org"), .channel = text_of(channel), .priority = text_of(priority)};
    struct buffer record;
    buffer_init(&record, 4096);
    reference_encode(&reference, &record);
    route_decide(record.bytes, record.length, ret_topic, ret_code);
    buffer_release(&record);
}

Test(route, each_channel_and_priority_has_its_topic)
{
    for (int i = 0; i < CHANNEL_COUNT; i++) {
        const enum channel channel = (enum channel)i;
        enum topic topic;
        enum error_code code;
        decide(channel_name(channel), PRIORITY_NORMAL, &topic, &code);
        cr_expect_eq(topic, channel_topic(channel, false));
        cr_expect_eq(code, ERROR_NONE);
        decide(channel_name(channel), PRIORITY_URGENT, &topic, &code);
        cr_expect_eq(topic, channel_topic(channel, true));
        cr_expect_eq(code, ERROR_NONE);
    }
}

Test(route, what_cannot_be_routed_goes_to_the_dead_letters_with_its_reason)
{
    enum topic topic;
    enum error_code code;
    decide("PIGEON", PRIORITY_NORMAL, &topic, &code);
    cr_expect_eq(topic, TOPIC_DLQ);
    cr_expect_eq(code, ERROR_UNKNOWN_CHANNEL);
    route_decide("not avro", 8, &topic, &code);
    cr_expect_eq(topic, TOPIC_DLQ);
    cr_expect_eq(code, ERROR_MALFORMED_RECORD);
    route_decide(NULL, 0, &topic, &code);
    cr_expect_eq(topic, TOPIC_DLQ);
    cr_expect_eq(code, ERROR_MALFORMED_RECORD);
    route_decide("\xc3\x01"
                 "12345678"
                 "rest",
                 14, &topic, &code);
    cr_expect_eq(topic, TOPIC_DLQ);
    cr_expect_eq(code, ERROR_UNKNOWN_SCHEMA);
}
