#include "schemas/deadletter.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "schemas/topics.h"

#define FORWARDED 48 /* headers of the original that are kept, at most */
/* Leaves room for our own headers and the batch around them. */
#define KEPT_BYTES_MAX ((size_t)DLQ_MESSAGE_BYTES_MIN - (size_t)64 * 1024)

static const struct {
    const char *name;
    size_t member;
} fields[DEADLETTER_HEADERS] = {
    {HEADER_ORIGINAL_TOPIC, offsetof(struct deadletter, original_topic)},
    {HEADER_ORIGINAL_PARTITION, offsetof(struct deadletter, original_partition)},
    {HEADER_ORIGINAL_OFFSET, offsetof(struct deadletter, original_offset)},
    {HEADER_ERROR_CODE, offsetof(struct deadletter, error_code)},
    {HEADER_ERROR_MESSAGE, offsetof(struct deadletter, error_message)},
    {HEADER_ATTEMPTS, offsetof(struct deadletter, attempts)},
    {HEADER_FAILED_AT, offsetof(struct deadletter, failed_at)},
    {HEADER_FAILED_BY, offsetof(struct deadletter, failed_by)},
    {HEADER_REPLAYS, offsetof(struct deadletter, replays)},
};

void deadletter_headers(const struct deadletter *letter, struct kafka_header *ret_headers)
{
    for (size_t i = 0; i < DEADLETTER_HEADERS; i++) {
        const struct text *text =
            (const struct text *)(const void *)((const char *)letter + fields[i].member);
        if (text->bytes) {
            *ret_headers++ = (struct kafka_header){fields[i].name, text->bytes, text->length};
        }
    }
    *ret_headers = (struct kafka_header){0};
}

void deadletter_read(const rd_kafka_message_t *record, struct deadletter *ret_letter)
{
    for (size_t i = 0; i < DEADLETTER_HEADERS; i++) {
        struct text *text = (struct text *)(void *)((char *)ret_letter + fields[i].member);
        text->length = 0;
        text->bytes = kafka_header_get(record, fields[i].name, &text->length);
    }
}

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < DEADLETTER_HEADERS; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool deadletter_send(struct kafka_producer *producer, const rd_kafka_message_t *record, enum error_code code,
                     const char *reason, const char *role, uint64_t ticket)
{
    char partition[16];
    char offset[24];
    char failed_at[CLOCK_RFC3339_SIZE];
    (void)snprintf(partition, sizeof partition, "%d", (int)record->partition);
    (void)snprintf(offset, sizeof offset, "%lld", (long long)record->offset);
    clock_format_rfc3339(clock_wall_ms(), failed_at);
    const struct deadletter letter = {
        .original_topic = text_of(rd_kafka_topic_name(record->rkt)),
        .original_partition = text_of(partition),
        .original_offset = text_of(offset),
        .error_code = text_of(error_row(code)->name),
        .error_message = text_of(reason ? reason : error_row(code)->help),
        .attempts = text_of("0"),
        .failed_at = text_of(failed_at),
        .failed_by = text_of(role),
    };
    /* Brokers look at compressed sizes: a record may have come that its letter's topic would never take. */
    const size_t bytes = kafka_record_bytes(record);
    const bool whole = bytes <= KEPT_BYTES_MAX;
    char omitted[24];
    (void)snprintf(omitted, sizeof omitted, "%zu", bytes);
    struct kafka_header headers[FORWARDED + 1 + DEADLETTER_HEADERS + 1] = {0};
    size_t count = whole ? kafka_headers_of(record, headers, FORWARDED) : 0;
    if (!whole) {
        headers[count++] = (struct kafka_header){HEADER_OMITTED_BYTES, omitted, strlen(omitted)};
    }
    deadletter_headers(&letter, headers + count);
    const struct kafka_record_out out = {.topic = topic_name(TOPIC_DLQ),
                                         .key = whole ? record->key : NULL,
                                         .key_length = whole ? record->key_len : 0,
                                         .value = whole ? record->payload : NULL,
                                         .value_length = whole ? record->len : 0,
                                         .headers = headers,
                                         .ticket = ticket};
    return kafka_producer_send(producer, &out);
}

void deadletter_pack_headers(const rd_kafka_message_t *record, struct buffer *into)
{
    struct kafka_header headers[FORWARDED + DEADLETTER_HEADERS];
    const size_t count = kafka_headers_of(record, headers, FORWARDED + DEADLETTER_HEADERS);
    for (size_t i = 0; i < count; i++) {
        if (!is_ours(headers[i].name)) {
            buffer_append(into, headers[i].name, strlen(headers[i].name) + 1);
            buffer_int32(into, headers[i].value ? (int32_t)headers[i].length : -1);
            buffer_append(into, headers[i].value, headers[i].value ? headers[i].length : 0);
        }
    }
}

size_t deadletter_unpack_headers(const char *bytes, size_t length, struct kafka_header *ret_headers,
                                 size_t room)
{
    size_t count = 0;
    while (count < room && length > 0) {
        const size_t name_size = strnlen(bytes, length) + 1;
        uint32_t big_endian;
        if (name_size + sizeof big_endian > length) {
            break;
        }
        memcpy(&big_endian, bytes + name_size, sizeof big_endian);
        const int32_t value_length = (int32_t)ntohl(big_endian);
        const size_t value_size = value_length < 0 ? 0 : (size_t)value_length;
        const char *value = bytes + name_size + sizeof big_endian;
        if (value_size > length - name_size - sizeof big_endian) {
            break;
        }
        ret_headers[count++] = (struct kafka_header){bytes, value_length < 0 ? NULL : value, value_size};
        length -= (size_t)(value + value_size - bytes);
        bytes = value + value_size;
    }
    return count;
}
