#include "schemas/letter_record.h"

#include "schemas/avro_write.h"
#include "schemas/wire.h"

/* Not within a character. */
static struct text cut(struct text text, size_t most)
{
    if (text.length > most) {
        text.length = most;
        while (text.length > 0 && ((unsigned char)text.bytes[text.length] & 0xc0) == 0x80) {
            text.length--;
        }
    }
    return text;
}

void letter_encode(const struct letter_record *letter, struct buffer *into)
{
    wire_put_header(into, SCHEMA_DEAD_LETTER, 0);
    reference_put(&letter->reference, into);
    avro_put_string(into, letter->error_code);
    avro_put_string(into, cut(letter->reason, LETTER_REASON_MAX));
    avro_put_long(into, letter->attempts);
    avro_put_string(into, letter->failed_by);
    avro_put_long(into, letter->failed_at_ms);
    avro_put_string(into, letter->original_topic);
}

bool letter_decode(const void *bytes, size_t length, struct letter_record *ret_letter,
                   enum error_code *ret_code)
{
    struct avro_cursor cursor;
    if (!wire_open(bytes, length, SCHEMA_DEAD_LETTER, &cursor, ret_code)) {
        return false;
    }
    struct letter_record letter;
    reference_get(&cursor, &letter.reference);
    letter.error_code = avro_get_string(&cursor, REFERENCE_TEXT_MAX);
    letter.reason = avro_get_string(&cursor, LETTER_REASON_MAX);
    letter.attempts = avro_get_int(&cursor);
    letter.failed_by = avro_get_string(&cursor, REFERENCE_TEXT_MAX);
    letter.failed_at_ms = avro_get_long(&cursor);
    letter.original_topic = avro_get_string(&cursor, REFERENCE_TEXT_MAX);
    if (!avro_done(&cursor)) {
        *ret_code = ERROR_MALFORMED_RECORD;
        return false;
    }
    *ret_letter = letter;
    return true;
}

bool letter_or_reference_decode(const void *bytes, size_t length, struct reference *ret_reference,
                                enum error_code *ret_code)
{
    if (reference_decode(bytes, length, ret_reference, ret_code)) {
        return true;
    }
    struct letter_record letter;
    if (*ret_code != ERROR_UNKNOWN_SCHEMA || !letter_decode(bytes, length, &letter, ret_code)) {
        return false;
    }
    *ret_reference = letter.reference;
    return true;
}
