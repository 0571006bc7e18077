#include "schemas/status_event.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "schemas/wire.h"
#include "support/avro_json.h"
#include "support/leaks.h"

TestSuite(status_event, .fini = no_leaks);

static void expect(const struct status_event *event, int32_t schema_id, const char *json)
{
    struct buffer buffer;
    struct wire_record record;
    buffer_init(&buffer, 10000);
    status_event_encode(event, schema_id, &buffer);
    cr_assert(wire_parse(buffer.bytes, buffer.length, &record));
    if (schema_id) {
        cr_expect(eq(int, record.framing, REGISTRY));
        cr_expect(eq(i32, record.schema_id, schema_id));
    } else {
        cr_expect(eq(int, record.framing, SINGLE_OBJECT));
        cr_expect(eq(u64, record.fingerprint, schema_table[SCHEMA_STATUS_EVENT].fingerprint));
    }
    expect_avro_json(SCHEMA_STATUS_EVENT, record.datum, record.length, json);
    buffer_release(&buffer);
}

Test(status_event, what_we_encode_avro_decodes)
{
    struct status_event event = {
        .event_id = INT64_C(9007199254740993),
        .org_id = text_of("default"),
        .source = text_of("shop"),
        .request_id = text_of("r-1"),
        .dossier_id = -1,
        .channel = text_of("EMAIL"),
        .correlation_id = text_of("c-1"),
        .status = text_of("FAILED"),
        .attempt_count = 3,
        .error_code = text_of("INVALID_EMAIL"),
        .provider = text_of("ses"),
        .provider_message_id = text_of("Zürich"),
        .occurred_at_us = INT64_C(1769903999123456),
    };
    cr_assert(uuid_parse("01980a5d-ac96-774b-bcce-b302099a8057", 36, &event.message_id));
    expect(&event, 7,
           "{\"eventId\":9007199254740993,\"messageId\":\"01980a5d-ac96-774b-bcce-b302099a8057\","
           "\"orgId\":\"default\",\"source\":\"shop\",\"requestId\":{\"string\":\"r-1\"},\"dossierId\":-1,"
           "\"channel\":\"EMAIL\",\"correlationId\":\"c-1\",\"status\":\"FAILED\",\"attemptCount\":3,"
           "\"errorCode\":{\"string\":\"INVALID_EMAIL\"},\"provider\":{\"string\":\"ses\"},"
           "\"providerMessageId\":{\"string\":\"Zürich\"},\"occurredAt\":1769903999123456}");
    event.request_id = event.error_code = event.provider = event.provider_message_id = (struct text){NULL, 0};
    expect(
        &event, 0,
        "{\"eventId\":9007199254740993,\"messageId\":\"01980a5d-ac96-774b-bcce-b302099a8057\","
        "\"orgId\":\"default\",\"source\":\"shop\",\"requestId\":null,\"dossierId\":-1,"
        "\"channel\":\"EMAIL\",\"correlationId\":\"c-1\",\"status\":\"FAILED\",\"attemptCount\":3,"
        "\"errorCode\":null,\"provider\":null,\"providerMessageId\":null,\"occurredAt\":1769903999123456}");
}
