#include "schemas/reference.h"

#include <string.h>

#define HEADER_SIZE 10
#define VARINT_MAX 10

static void put_long(struct buffer *into, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    char bytes[VARINT_MAX];
    size_t count = 0;
    while (zigzag >= 0x80) {
        bytes[count++] = (char)(zigzag | 0x80);
        zigzag >>= 7;
    }
    bytes[count++] = (char)zigzag;
    buffer_append(into, bytes, count);
}

static void put_string(struct buffer *into, const char *bytes, size_t length)
{
    put_long(into, (int64_t)length);
    buffer_append(into, bytes, length);
}

void reference_encode(const struct reference *reference, struct buffer *into)
{
    char header[HEADER_SIZE] = {(char)0xc3, 0x01};
    for (int i = 0; i < 8; i++) {
        header[2 + i] = (char)(REFERENCE_FINGERPRINT >> (8 * i));
    }
    char id[UUID_TEXT_SIZE];
    uuid_format(&reference->id, id);

    buffer_append(into, header, sizeof header);
    put_string(into, id, UUID_TEXT_SIZE - 1);
    put_long(into, reference->generation);
    put_long(into, reference->fence);
    put_string(into, reference->org_id.bytes, reference->org_id.length);
    put_string(into, reference->channel.bytes, reference->channel.length);
    put_string(into, reference->priority.bytes, reference->priority.length);
    put_long(into, reference->expires_at_ms ? 1 : 0); /* the union's branch */
    if (reference->expires_at_ms) {
        put_long(into, reference->expires_at_ms);
    }
}

struct reader {
    const unsigned char *at;
    const unsigned char *end;
    bool failed;
};

static int64_t get_long(struct reader *reader)
{
    uint64_t zigzag = 0;
    for (unsigned shift = 0; shift < 7 * VARINT_MAX && reader->at < reader->end; shift += 7) {
        const unsigned char byte = *reader->at++;
        if (shift == 63 && byte > 1) {
            break;
        }
        zigzag |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
        }
    }
    reader->failed = true;
    return 0;
}

static int32_t get_int(struct reader *reader)
{
    const int64_t value = get_long(reader);
    if (value < INT32_MIN || value > INT32_MAX) {
        reader->failed = true;
        return 0;
    }
    return (int32_t)value;
}

static struct text get_string(struct reader *reader)
{
    const int64_t length = get_long(reader);
    if (reader->failed || length < 0 || length > REFERENCE_TEXT_MAX || length > reader->end - reader->at) {
        reader->failed = true;
        return (struct text){"", 0};
    }
    const struct text text = {(const char *)reader->at, (size_t)length};
    reader->at += length;
    return text;
}

bool reference_decode(const void *bytes, size_t length, struct reference *ret_reference,
                      enum error_code *ret_code)
{
    const unsigned char *header = bytes;
    *ret_code = ERROR_MALFORMED_RECORD;
    if (length < HEADER_SIZE || header[0] != 0xc3 || header[1] != 0x01) {
        return false;
    }
    uint64_t fingerprint = 0;
    for (int i = 0; i < 8; i++) {
        fingerprint |= (uint64_t)header[2 + i] << (8 * i);
    }
    if (fingerprint != REFERENCE_FINGERPRINT) {
        *ret_code = ERROR_UNKNOWN_SCHEMA;
        return false;
    }
    struct reader reader = {.at = header + HEADER_SIZE, .end = header + length};
    struct reference reference = {0};
    const struct text id = get_string(&reader);
    if (!uuid_parse(id.bytes, id.length, &reference.id)) {
        reader.failed = true;
    }
    reference.generation = get_int(&reader);
    reference.fence = get_int(&reader);
    reference.org_id = get_string(&reader);
    reference.channel = get_string(&reader);
    reference.priority = get_string(&reader);
    const int64_t branch = get_long(&reader);
    if (branch == 1) {
        reference.expires_at_ms = get_long(&reader);
    }
    if (reader.failed || branch < 0 || branch > 1 || reader.at != reader.end) {
        return false;
    }
    *ret_reference = reference;
    return true;
}
