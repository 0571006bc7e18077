#include "dlq/letter.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/letter_record.h"
#include "schemas/new_message.h"
#include "schemas/topics.h"

#define REPLAYS_MAX 1000000 /* a header may claim anything; the count goes on from there */
#define HEADERS_SIZE_MAX ((size_t)1024 * 1024)

/* What PostgreSQL cannot keep as text is left out; the record's own bytes are kept whatever they are. */
static struct text storable(struct text text)
{
    json_t *utf8 = text.bytes && !memchr(text.bytes, '\0', text.length)
                       ? json_stringn(text.bytes, text.length) /* NULL when it is not UTF-8 */
                       : NULL;
    const struct text none = {0};
    const bool fine = utf8;
    json_decref(utf8);
    return fine ? text : none;
}

/* Decimal digits up to `most`; false when it is anything else. */
static bool number_of(struct text text, int64_t most, int64_t *ret_number)
{
    char digits[24];
    if (!text.bytes || text.length == 0 || text.length >= sizeof digits) {
        return false;
    }
    memcpy(digits, text.bytes, text.length);
    digits[text.length] = '\0';
    char *end;
    errno = 0;
    const long long number = strtoll(digits, &end, 10);
    if (digits[0] < '0' || digits[0] > '9' || *end || errno || number > most) {
        return false;
    }
    *ret_number = number;
    return true;
}

/* A code that we do not know comes from a newer version: it may well be a message's. */
static bool blames_the_record(struct text code)
{
    for (int i = ERROR_NONE + 1; i < ERROR_CODE_COUNT; i++) {
        const struct error_row *row = error_row((enum error_code)i);
        if (text_is(code, row->name)) {
            return row->scope == RECORD;
        }
    }
    return false;
}

/* What the letter itself says counts where a header is missing: some tools copy records without them. */
static void say(struct text *header, struct text text)
{
    if (!header->bytes && text.length > 0) {
        *header = text;
    }
}

/* The letter of a message; releases before DeadLetter.avsc wrote the reference alone. */
static bool read_value(struct letter *letter)
{
    enum error_code code;
    struct letter_record given_up;
    if (!letter_decode(letter->record->payload, letter->record->len, &given_up, &code)) {
        return reference_decode(letter->record->payload, letter->record->len, &letter->reference, &code);
    }
    letter->reference = given_up.reference;
    say(&letter->why.error_code, given_up.error_code);
    say(&letter->why.error_message, given_up.reason);
    say(&letter->why.failed_by, given_up.failed_by);
    say(&letter->why.original_topic, given_up.original_topic);
    return true;
}

void letter_init(struct letter *letter, rd_kafka_message_t *record, struct kafka_position position)
{
    *letter = (struct letter){.record = record, .position = position};
    struct deadletter *why = &letter->why;
    deadletter_read(record, why);
    const bool readable = read_value(letter);
    letter->correlation_id.bytes =
        kafka_header_get(record, HEADER_CORRELATION_ID, &letter->correlation_id.length);
    why->error_code = storable(why->error_code);
    if (!why->error_code.bytes) {
        why->error_code = text_of(error_row(ERROR_MALFORMED_RECORD)->name);
        why->error_message = text_of("No header says why it is here.");
    }
    letter->is_message = readable && !blames_the_record(why->error_code);
}

void letter_release(struct letter *letter)
{
    rd_kafka_message_destroy(letter->record);
}

size_t letter_size(const struct letter *letter)
{
    return letter->record->len + letter->record->key_len + sizeof *letter;
}

typedef void put_fn(struct pg_params *params, const struct letter *letter);

static void put_text(struct pg_params *params, struct text text)
{
    const struct text kept = storable(text);
    pg_array_bytes(params, kept.bytes, kept.length);
}

static void put_int4(struct pg_params *params, struct text text)
{
    int64_t number;
    if (number_of(text, INT32_MAX, &number)) {
        pg_array_int4(params, (int32_t)number);
    } else {
        pg_array_null(params);
    }
}

static void put_partition(struct pg_params *params, const struct letter *letter)
{
    pg_array_int4(params, letter->record->partition);
}

static void put_offset(struct pg_params *params, const struct letter *letter)
{
    pg_array_int8(params, letter->record->offset);
}

static int64_t written_at_us(const struct letter *letter)
{
    rd_kafka_timestamp_type_t type;
    const int64_t ms = rd_kafka_message_timestamp(letter->record, &type);
    return ms > 0 && ms < INT64_C(253402300800000) ? ms * 1000 : 0; /* before the year 10000 */
}

static void put_written_at(struct pg_params *params, const struct letter *letter)
{
    pg_array_timestamp(params, written_at_us(letter));
}

static void put_message_id(struct pg_params *params, const struct letter *letter)
{
    if (letter->is_message) {
        pg_array_uuid(params, &letter->reference.id);
    } else {
        pg_array_null(params);
    }
}

static void put_fence(struct pg_params *params, const struct letter *letter)
{
    if (letter->is_message) {
        pg_array_int4(params, letter->reference.fence);
    } else {
        pg_array_null(params);
    }
}

static void put_org(struct pg_params *params, const struct letter *letter)
{
    put_text(params, letter->reference.org_id);
}

static void put_channel(struct pg_params *params, const struct letter *letter)
{
    put_text(params, letter->reference.channel);
}

static void put_correlation_id(struct pg_params *params, const struct letter *letter)
{
    put_text(params, letter->correlation_id);
}

static void put_original_topic(struct pg_params *params, const struct letter *letter)
{
    put_text(params, letter->why.original_topic);
}

static void put_original_partition(struct pg_params *params, const struct letter *letter)
{
    put_int4(params, letter->why.original_partition);
}

static void put_original_offset(struct pg_params *params, const struct letter *letter)
{
    int64_t offset;
    if (number_of(letter->why.original_offset, INT64_MAX, &offset)) {
        pg_array_int8(params, offset);
    } else {
        pg_array_null(params);
    }
}

static void put_code(struct pg_params *params, const struct letter *letter)
{
    put_text(params, letter->why.error_code);
}

static void put_reason(struct pg_params *params, const struct letter *letter)
{
    put_text(params, letter->why.error_message);
}

static void put_attempts(struct pg_params *params, const struct letter *letter)
{
    put_int4(params, letter->why.attempts);
}

static void put_failed_by(struct pg_params *params, const struct letter *letter)
{
    put_text(params, letter->why.failed_by);
}

static void put_failed_at(struct pg_params *params, const struct letter *letter)
{
    const struct text *text = &letter->why.failed_at;
    int64_t us;
    if (!text->bytes || !parse_rfc3339(text->bytes, text->length, &us)) {
        us = written_at_us(letter);
    }
    pg_array_timestamp(params, us);
}

/* The record itself is kept where no message can tell what it was. */
static void put_key(struct pg_params *params, const struct letter *letter)
{
    pg_array_bytes(params, letter->is_message ? NULL : letter->record->key, letter->record->key_len);
}

static void put_value(struct pg_params *params, const struct letter *letter)
{
    pg_array_bytes(params, letter->is_message ? NULL : letter->record->payload, letter->record->len);
}

static void put_headers(struct pg_params *params, const struct letter *letter)
{
    if (letter->is_message) {
        pg_array_null(params);
        return;
    }
    struct buffer packed;
    buffer_init(&packed, HEADERS_SIZE_MAX);
    deadletter_pack_headers(letter->record, &packed);
    pg_array_bytes(params, packed.length > 0 && !packed.overflow ? packed.bytes : NULL, packed.length);
    buffer_release(&packed);
}

static void put_replays(struct pg_params *params, const struct letter *letter)
{
    int64_t replays = 0;
    (void)number_of(letter->why.replays, REPLAYS_MAX, &replays);
    pg_array_int4(params, (int32_t)replays);
}

/* $2 to $21 of letters_store. */
static const struct {
    enum pg_type type;
    put_fn *put;
} columns[] = {
    {PG_INT4, put_partition},
    {PG_INT8, put_offset},
    {PG_TIMESTAMPTZ, put_written_at},
    {PG_UUID, put_message_id},
    {PG_INT4, put_fence},
    {PG_TEXT, put_org},
    {PG_TEXT, put_channel},
    {PG_TEXT, put_correlation_id},
    {PG_TEXT, put_original_topic},
    {PG_INT4, put_original_partition},
    {PG_INT8, put_original_offset},
    {PG_TEXT, put_code},
    {PG_TEXT, put_reason},
    {PG_INT4, put_attempts},
    {PG_TEXT, put_failed_by},
    {PG_TIMESTAMPTZ, put_failed_at},
    {PG_BYTEA, put_key},
    {PG_BYTEA, put_value},
    {PG_BYTEA, put_headers},
    {PG_INT4, put_replays},
};

void letter_params(const struct letter *letters, size_t count, struct pg_params *params)
{
    pg_param_text(params, topic_name(TOPIC_DLQ));
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        pg_array_begin(params, columns[i].type);
        for (size_t j = 0; j < count; j++) {
            columns[i].put(params, &letters[j]);
        }
        pg_array_end(params);
    }
}
