/*
 * Whatever bytes a topic holds: decoders of records, and readers made from whatever schema a registry gives.
 *
 * The first byte says what the others are: a Reference (0), a DeadLetter (1), a request written with our
 * schema (2) or with another one (3), or a schema, the byte ff, and a request written with it (4).
 */
#include <string.h>

#include "schemas/avro_schemas.h"
#include "schemas/letter_record.h"
#include "schemas/request_record.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/writers.h"

static void must_equal(struct text one, struct text other)
{
    must(one.length == other.length && memcmp(one.bytes, other.bytes, one.length) == 0);
}

static void must_equal_references(const struct reference *one, const struct reference *other)
{
    must(memcmp(&one->id, &other->id, sizeof one->id) == 0);
    must(one->generation == other->generation && one->fence == other->fence);
    must(one->expires_at_ms == other->expires_at_ms);
    must_equal(one->org_id, other->org_id);
    must_equal(one->channel, other->channel);
    must_equal(one->priority, other->priority);
}

/* What is read and written anew is read alike. */
static void try_reference(const uint8_t *bytes, size_t length)
{
    struct reference reference;
    struct reference again;
    enum error_code code = ERROR_NONE;
    if (!reference_decode(bytes, length, &reference, &code)) {
        must(code == ERROR_MALFORMED_RECORD || code == ERROR_UNKNOWN_SCHEMA);
        return;
    }
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX / 4);
    reference_encode(&reference, &buffer);
    must(reference_decode(buffer.bytes, buffer.length, &again, &code));
    must_equal_references(&reference, &again);
    buffer_release(&buffer);
}

static void try_letter(const uint8_t *bytes, size_t length)
{
    struct letter_record letter;
    struct letter_record again;
    enum error_code code = ERROR_NONE;
    if (!letter_decode(bytes, length, &letter, &code)) {
        must(code == ERROR_MALFORMED_RECORD || code == ERROR_UNKNOWN_SCHEMA);
        return;
    }
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX / 4);
    letter_encode(&letter, &buffer);
    must(letter_decode(buffer.bytes, buffer.length, &again, &code));
    must_equal_references(&letter.reference, &again.reference);
    must_equal(letter.error_code, again.error_code);
    must_equal(letter.reason, again.reason);
    must_equal(letter.failed_by, again.failed_by);
    must_equal(letter.original_topic, again.original_topic);
    must(letter.attempts == again.attempts && letter.failed_at_ms == again.failed_at_ms);
    buffer_release(&buffer);
}

static size_t must_be_text(struct text text)
{
    must(!text.bytes || utf8_is_valid(text.bytes, text.length));
    return text.length;
}

/* No more comes out than went in. */
static void try_request(struct request_reader *reader, const uint8_t *bytes, size_t length)
{
    struct arena arena = {NULL};
    struct new_message message = {.channel = CHANNEL_COUNT, .priority = text_of(PRIORITY_NORMAL)};
    struct violations violations = {.arena = &arena};
    enum error_code code = ERROR_NONE;
    if (!request_reader_read(reader, bytes, length, &arena, &message, &violations, &code)) {
        must(code == ERROR_MALFORMED_RECORD && violations.count > 0);
    } else {
        const size_t total = must_be_text(message.idempotency_key) + must_be_text(message.source) +
                             must_be_text(message.org_id) + must_be_text(message.channel_name) +
                             must_be_text(message.to) + must_be_text(message.template_code) +
                             must_be_text(message.subject) + must_be_text(message.payload) +
                             must_be_text(message.priority) + must_be_text(message.correlation_id);
        must(total <= length + strlen(PRIORITY_NORMAL));
        new_message_check(&message, MESSAGE_BY_KAFKA, 1, &violations);
    }
    arena_release(&arena);
}

static void try_written_with(const char *schema, size_t schema_length, const uint8_t *bytes, size_t length)
{
    struct error error;
    struct request_reader *reader = request_reader_new(schema, schema_length, &error);
    if (reader) {
        try_request(reader, bytes, length);
    }
    request_reader_free(reader);
}

static void try_schema(const uint8_t *bytes, size_t length)
{
    const uint8_t *end = length > 0 ? memchr(bytes, 0xff, length) : NULL;
    if (end) {
        const size_t schema_length = (size_t)(end - bytes);
        try_written_with((const char *)bytes, schema_length, end + 1, length - schema_length - 1);
    }
}

int fuzz_records(const uint8_t *bytes, size_t length)
{
    const char *ours = avro_schema_text(SCHEMA_MESSAGE_REQUEST);
    if (length == 0) {
        return 0;
    }
    const uint8_t what = *bytes++;
    length--;
    switch (what) {
    case 0:
        try_reference(bytes, length);
        break;
    case 1:
        try_letter(bytes, length);
        break;
    case 2:
        try_written_with(ours, strlen(ours), bytes, length);
        break;
    case 3:
        try_written_with(rich_writer, strlen(rich_writer), bytes, length);
        break;
    case 4:
        try_schema(bytes, length);
        break;
    default:
        break;
    }
    return 0;
}
