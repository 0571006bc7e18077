#include "schemas/letter_record.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "base/memory.h"
#include "support/avro_json.h"
#include "support/fence.h"
#include "support/leaks.h"

TestSuite(letter_record, .fini = no_leaks);

#define HEADER_SIZE 10

static struct letter_record letter_of(void)
{
    struct letter_record letter = {
        .reference = {.generation = 3,
                      .fence = 2,
                      .org_id = text_of("default"),
                      .channel = text_of("EMAIL"),
                      .priority = text_of("urgent"),
                      .expires_at_ms = INT64_C(1769903999123)},
        .error_code = text_of("INVALID_EMAIL"),
        .reason = text_of("The provider does not accept Zürich."),
        .attempts = 4,
        .failed_by = text_of("sender"),
        .failed_at_ms = INT64_C(1769903999124),
        .original_topic = text_of("outbound.send.email"),
    };
    cr_assert(uuid_parse("01980a5d-ac96-774b-bcce-b302099a8057", 36, &letter.reference.id));
    return letter;
}

Test(letter_record, what_we_encode_avro_decodes)
{
    const struct letter_record letter = letter_of();
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    letter_encode(&letter, &buffer);
    expect_avro_json(SCHEMA_DEAD_LETTER, buffer.bytes + HEADER_SIZE, buffer.length - HEADER_SIZE,
                     "{\"id\":\"01980a5d-ac96-774b-bcce-b302099a8057\",\"generation\":3,\"fence\":2,"
                     "\"orgId\":\"default\",\"channel\":\"EMAIL\",\"priority\":\"urgent\","
                     "\"expiresAt\":{\"long\":1769903999123},\"errorCode\":\"INVALID_EMAIL\","
                     "\"reason\":\"The provider does not accept Zürich.\",\"attempts\":4,"
                     "\"failedBy\":\"sender\",\"failedAt\":1769903999124,"
                     "\"originalTopic\":\"outbound.send.email\"}");
    buffer_release(&buffer);
}

static void expect_malformed(const char *bytes, size_t length, void *arg)
{
    struct letter_record letter;
    enum error_code code = ERROR_NONE;
    (void)arg;
    cr_expect(not(letter_decode(bytes, length, &letter, &code)), "%zu bytes", length);
    cr_expect(eq(int, code, ERROR_MALFORMED_RECORD));
}

Test(letter_record, what_we_encode_we_decode_and_no_part_of_it)
{
    const struct letter_record letter = letter_of();
    struct letter_record again;
    enum error_code code = ERROR_NONE;
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    letter_encode(&letter, &buffer);
    cr_assert(letter_decode(buffer.bytes, buffer.length, &again, &code));
    cr_expect(eq(i32, again.reference.generation, 3));
    cr_expect(eq(i32, again.reference.fence, 2));
    cr_expect(text_is(again.reference.org_id, "default"));
    cr_expect(text_is(again.reference.channel, "EMAIL"));
    cr_expect(text_is(again.reference.priority, "urgent"));
    cr_expect(eq(i64, again.reference.expires_at_ms, INT64_C(1769903999123)));
    cr_expect(text_is(again.error_code, "INVALID_EMAIL"));
    cr_expect(text_is(again.reason, "The provider does not accept Zürich."));
    cr_expect(eq(i32, again.attempts, 4));
    cr_expect(text_is(again.failed_by, "sender"));
    cr_expect(eq(i64, again.failed_at_ms, INT64_C(1769903999124)));
    cr_expect(text_is(again.original_topic, "outbound.send.email"));
    for (size_t length = 0; length < buffer.length; length++) {
        fenced(buffer.bytes, length, expect_malformed, NULL);
    }
    buffer_append(&buffer, "", 1);
    fenced(buffer.bytes, buffer.length, expect_malformed, NULL);
    buffer_release(&buffer);
}

/* The dead-letter topic holds references of earlier versions, too. */
Test(letter_record, reference_is_no_letter)
{
    const struct letter_record letter = letter_of();
    struct letter_record again;
    enum error_code code = ERROR_NONE;
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    reference_encode(&letter.reference, &buffer);
    cr_expect(not(letter_decode(buffer.bytes, buffer.length, &again, &code)));
    cr_expect(eq(int, code, ERROR_UNKNOWN_SCHEMA));
    buffer_release(&buffer);
}

Test(letter_record, long_reason_is_cut_between_characters)
{
    struct letter_record letter = letter_of();
    struct letter_record again;
    enum error_code code = ERROR_NONE;
    struct buffer buffer;
    char *reason = memory_new(2 * LETTER_REASON_MAX);
    memset(reason, 'a', LETTER_REASON_MAX - 1);
    (void)snprintf(reason + LETTER_REASON_MAX - 1, 20, "\xc3\xbc and more");
    letter.reason = text_of(reason);
    buffer_init(&buffer, 10000);
    letter_encode(&letter, &buffer);
    cr_assert(letter_decode(buffer.bytes, buffer.length, &again, &code));
    cr_expect(eq(sz, again.reason.length, LETTER_REASON_MAX - 1));
    cr_expect(eq(chr, again.reason.bytes[again.reason.length - 1], 'a'));
    buffer_release(&buffer);
    free(reason);
}
