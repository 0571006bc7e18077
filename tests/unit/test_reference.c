#include "schemas/reference.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "support/fence.h"
#include "support/leaks.h"

TestSuite(reference, .fini = no_leaks);

#define HEADER_SIZE 10
#define ID "01234567-89ab-cdef-fedc-ba9876543210"

static const struct uuid id = {
    {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}};

static char long_text[REFERENCE_TEXT_MAX + 1];

/* `length` bytes, not only ASCII. */
static struct text text_of_length(size_t length)
{
    for (size_t i = 0; i < sizeof long_text; i++) {
        long_text[i] = (char)('a' + i % 26);
    }
    long_text[0] = (char)0xc3;
    long_text[1] = (char)0xbc;
    return (struct text){long_text, length};
}

static struct reference usual(void)
{
    return (struct reference){.id = id,
                              .generation = 3,
                              .fence = 1000,
                              .org_id = text_of("acme"),
                              .channel = text_of("EMAIL"),
                              .priority = text_of(PRIORITY_URGENT),
                              .expires_at_ms = 1769903999123};
}

static bool same_text(struct text a, struct text b)
{
    return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static void expect_same(const struct reference *got, const struct reference *wanted)
{
    cr_expect(memcmp(&got->id, &wanted->id, sizeof got->id) == 0);
    cr_expect(eq(i32, got->generation, wanted->generation));
    cr_expect(eq(i32, got->fence, wanted->fence));
    cr_expect(same_text(got->org_id, wanted->org_id));
    cr_expect(same_text(got->channel, wanted->channel));
    cr_expect(same_text(got->priority, wanted->priority));
    cr_expect(eq(i64, got->expires_at_ms, wanted->expires_at_ms));
}

static void expect_decoded(const char *bytes, size_t length, void *arg)
{
    const struct reference *wanted = arg;
    struct reference got;
    enum error_code code;
    cr_assert(reference_decode(bytes, length, &got, &code));
    expect_same(&got, wanted);
}

Test(reference, what_is_encoded_is_decoded)
{
    static const int32_t ints[] = {0, 1, -1, 63, 64, -64, -65, 8191, 8192, INT32_MAX, INT32_MIN};
    static const int64_t longs[] = {0, 1, -1, 63, 64, 1769903999123, INT64_MAX, INT64_MIN};
    static const size_t lengths[] = {0, 1, 63, 64, 127, 128, REFERENCE_TEXT_MAX};
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    for (size_t i = 0; i < 11; i++) {
        struct reference reference = usual();
        reference.generation = ints[i];
        reference.fence = ints[10 - i];
        reference.expires_at_ms = longs[i % 8];
        reference.org_id = text_of_length(lengths[i % 7]);
        reference.channel = text_of_length(lengths[(i + 1) % 7]);
        reference.priority = text_of_length(lengths[(i + 2) % 7]);
        memset(&reference.id, (int)i * 25, sizeof reference.id);
        buffer_clear(&buffer);
        reference_encode(&reference, &buffer);
        cr_assert(not(buffer.overflow));
        fenced(buffer.bytes, buffer.length, expect_decoded, &reference);
    }
    buffer_release(&buffer);
}

/* Written by hand from Avro's specification. */
Test(reference, bytes)
{
    static const char with_time[] = "\xc3\x01"
                                    "\x94\x31\x4e\xdc\xea\xd0\xa5\x95"
                                    "\x48" ID "\x06"
                                    "\xd0\x0f"
                                    "\x08"
                                    "acme"
                                    "\x0a"
                                    "EMAIL"
                                    "\x0c"
                                    "urgent"
                                    "\x02"
                                    "\xa6\xa2\xfe\xe7\x82\x67";
    static const char without_time[] = "\xc3\x01"
                                       "\x94\x31\x4e\xdc\xea\xd0\xa5\x95"
                                       "\x48" ID "\x01"
                                       "\x00"
                                       "\x00"
                                       "\x0a"
                                       "EMAIL"
                                       "\x0c"
                                       "normal"
                                       "\x00";
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    struct reference reference = usual();
    reference_encode(&reference, &buffer);
    cr_expect(eq(mem, ((struct cr_mem){buffer.bytes, buffer.length}),
                 ((struct cr_mem){with_time, sizeof with_time - 1})));

    reference.generation = -1;
    reference.fence = 0;
    reference.org_id = text_of("");
    reference.priority = text_of(PRIORITY_NORMAL);
    reference.expires_at_ms = 0;
    buffer_clear(&buffer);
    reference_encode(&reference, &buffer);
    cr_expect(eq(mem, ((struct cr_mem){buffer.bytes, buffer.length}),
                 ((struct cr_mem){without_time, sizeof without_time - 1})));
    buffer_release(&buffer);
}

/* Refused with the code that is wanted; what it says on failure is not written anywhere else. */
static void expect_refused(const char *bytes, size_t length, void *arg)
{
    const enum error_code *wanted = arg;
    struct reference got;
    struct reference untouched;
    memset(&got, 0x5a, sizeof got);
    memset(&untouched, 0x5a, sizeof untouched);
    enum error_code code = ERROR_NONE;
    cr_expect(not(reference_decode(bytes, length, &got, &code)), "%zu bytes are accepted", length);
    cr_expect(eq(int, code, *wanted), "%zu bytes", length);
    cr_expect(memcmp(&got, &untouched, sizeof got) == 0);
}

static enum error_code malformed = ERROR_MALFORMED_RECORD;
static enum error_code unknown = ERROR_UNKNOWN_SCHEMA;

static void encode_usual(struct buffer *buffer)
{
    const struct reference reference = usual();
    buffer_init(buffer, 10000);
    reference_encode(&reference, buffer);
}

Test(reference, every_truncation_is_malformed)
{
    struct buffer buffer;
    encode_usual(&buffer);
    for (size_t length = 0; length < buffer.length; length++) {
        fenced(buffer.bytes, length, expect_refused, &malformed);
    }
    buffer_release(&buffer);
}

Test(reference, bytes_behind_the_datum_are_malformed)
{
    struct buffer buffer;
    encode_usual(&buffer);
    buffer_append(&buffer, "", 1);
    fenced(buffer.bytes, buffer.length, expect_refused, &malformed);
    buffer_append(&buffer, buffer.bytes, buffer.length - 1);
    fenced(buffer.bytes, buffer.length, expect_refused, &malformed);
    buffer_release(&buffer);
}

static void flip(char *bytes, size_t bit)
{
    bytes[bit / 8] = (char)((unsigned char)bytes[bit / 8] ^ (1U << bit % 8));
}

Test(reference, another_fingerprint_is_an_unknown_schema)
{
    struct buffer buffer;
    encode_usual(&buffer);
    for (size_t bit = 0; bit < 64; bit++) {
        flip(buffer.bytes + 2, bit);
        fenced(buffer.bytes, buffer.length, expect_refused, &unknown);
        fenced(buffer.bytes, HEADER_SIZE, expect_refused, &unknown);
        flip(buffer.bytes + 2, bit);
    }
    buffer_release(&buffer);
}

Test(reference, another_marker_is_malformed)
{
    struct buffer buffer;
    encode_usual(&buffer);
    for (size_t bit = 0; bit < 16; bit++) {
        flip(buffer.bytes, bit);
        fenced(buffer.bytes, buffer.length, expect_refused, &malformed);
        flip(buffer.bytes, bit);
    }
    buffer_release(&buffer);
}

static void expect_inside(const char *bytes, size_t length, struct text text)
{
    cr_assert(text.length <= length && text.bytes >= bytes && text.bytes + text.length <= bytes + length);
}

static void expect_harmless(const char *bytes, size_t length, void *arg)
{
    int *accepted = arg;
    struct reference got;
    enum error_code code = ERROR_NONE;
    if (reference_decode(bytes, length, &got, &code)) {
        expect_inside(bytes, length, got.org_id);
        expect_inside(bytes, length, got.channel);
        expect_inside(bytes, length, got.priority);
        ++*accepted;
    } else {
        cr_assert(code == ERROR_MALFORMED_RECORD || code == ERROR_UNKNOWN_SCHEMA);
    }
}

Test(reference, no_changed_byte_makes_it_read_outside)
{
    struct buffer buffer;
    int accepted = 0;
    encode_usual(&buffer);
    for (size_t at = 0; at < buffer.length; at++) {
        const char was = buffer.bytes[at];
        for (int byte = 0; byte < 256; byte++) {
            buffer.bytes[at] = (char)byte;
            fenced(buffer.bytes, buffer.length, expect_harmless, &accepted);
        }
        buffer.bytes[at] = was;
    }
    cr_expect(gt(int, accepted, 0), "a changed letter of a text is no error");
    buffer_release(&buffer);
}

/* Datums behind a good header that no encoder writes. */
Test(reference, broken_datums_are_malformed)
{
    static const unsigned char header[HEADER_SIZE] = {0xc3, 0x01, 0x94, 0x31, 0x4e,
                                                      0xdc, 0xea, 0xd0, 0xa5, 0x95};
#define GOOD_ID "\x48" ID
#define TAIL \
    "\x00"   \
    "\x00"   \
    "\x00"   \
    "\x00"
#define ROW(bytes)               \
    {                            \
        bytes, sizeof(bytes) - 1 \
    }
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
        ROW(""),
        ROW("\x47"), /* a negative length */
        ROW("\x46"
            "1234567-89ab-cdef-fedc-ba9876543210"
            "\x00\x00" TAIL), /* an id too short */
        ROW("\x48"
            "0123456789ab-cdef--fedc-ba9876543210"
            "\x00\x00" TAIL), /* no id */
        ROW(GOOD_ID "\x80\x80\x80\x80\x10"
                    "\x00" TAIL), /* 2147483648 in an int */
        ROW(GOOD_ID "\x81\x80\x80\x80\x10"
                    "\x00" TAIL), /* -2147483649 in an int */
        ROW(GOOD_ID "\x00"
                    "\x80\x80\x80\x80\x10" TAIL),
        ROW(GOOD_ID "\x00\x00"
                    "\x01"
                    "\x00\x00\x00"), /* a text of length -1 */
        ROW(GOOD_ID "\x00\x00"
                    "\x02"
                    "\x00\x00\x00"), /* a text that eats the rest */
        ROW(GOOD_ID "\x00\x00"
                    "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                    "\x00\x00\x00"), /* INT64_MAX bytes */
        ROW(GOOD_ID "\x00\x00"
                    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                    "\x00\x00\x00"), /* INT64_MIN bytes */
        ROW(GOOD_ID "\x00\x00"
                    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"
                    "\x00\x00\x00"), /* more than 64 bits */
        ROW(GOOD_ID "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"
                    "\x00" TAIL), /* eleven bytes for a 0 */
        ROW(GOOD_ID "\x00\x00"
                    "\x00\x00\x00"
                    "\x04"), /* the union's third branch */
        ROW(GOOD_ID "\x00\x00"
                    "\x00\x00\x00"
                    "\x01"), /* its branch -1 */
        ROW(GOOD_ID "\x00\x00"
                    "\x00\x00\x00"
                    "\x02"), /* a time that is missing */
        ROW(GOOD_ID "\x00\x00"
                    "\x00\x00\x00"
                    "\x02"
                    "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"), /* 2 to the 64th */
        ROW(GOOD_ID "\x00\x00"
                    "\x00\x00\x00"
                    "\x02"
                    "\x80"), /* half a time */
        ROW(GOOD_ID "\x00\x00"
                    "\x00\x00\x00"
                    "\x00"
                    "\x00"), /* a time behind null */
    };
    char bytes[200];
    memcpy(bytes, header, HEADER_SIZE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memcpy(bytes + HEADER_SIZE, rows[i].bytes, rows[i].length);
        fenced(bytes, HEADER_SIZE + rows[i].length, expect_refused, &malformed);
    }
    /* The same in good, so that the rows above fail for their own reason. */
    static const char good[] = GOOD_ID "\x00\x00" TAIL;
    const struct reference wanted = {
        .id = id, .org_id = text_of(""), .channel = text_of(""), .priority = text_of("")};
    memcpy(bytes + HEADER_SIZE, good, sizeof good - 1);
    fenced(bytes, HEADER_SIZE + sizeof good - 1, expect_decoded, (void *)(uintptr_t)&wanted);
}

Test(reference, a_text_beyond_the_limit_is_malformed)
{
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    struct reference reference = usual();
    reference.org_id = text_of_length(REFERENCE_TEXT_MAX + 1);
    reference_encode(&reference, &buffer);
    fenced(buffer.bytes, buffer.length, expect_refused, &malformed);
    buffer_release(&buffer);
}
