#include "base/uuid.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/fence.h"

#define MEM(pointer, length) ((struct cr_mem){.data = (pointer), .size = (length)})

static const struct {
    const char *text;
    unsigned char bytes[16];
} known[] = {
    {"00000000-0000-0000-0000-000000000000", {0}},
    {"ffffffff-ffff-ffff-ffff-ffffffffffff",
     {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
    {"01234567-89ab-cdef-fedc-ba9876543210",
     {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}},
};

Test(uuid, text_and_bytes_belong_together)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct uuid uuid;
        char text[UUID_TEXT_SIZE];
        cr_assert(uuid_parse(known[i].text, strlen(known[i].text), &uuid));
        cr_expect(eq(mem, MEM(uuid.bytes, 16), MEM(known[i].bytes, 16)));
        uuid_format(&uuid, text);
        cr_expect(eq(str, text, known[i].text));
    }
}

Test(uuid, upper_case_is_read)
{
    struct uuid uuid;
    cr_assert(uuid_parse("01234567-89AB-CdEf-fEdC-BA9876543210", 36, &uuid));
    cr_expect(eq(mem, MEM(uuid.bytes, 16), MEM(known[2].bytes, 16)));
}

static void expect_refused(const char *text, size_t length, void *arg)
{
    struct uuid uuid;
    memset(&uuid, 0x5a, sizeof uuid);
    cr_expect(not(uuid_parse(text, length, &uuid)), "%.*s (%s)", (int)length, text, (const char *)arg);
    for (size_t i = 0; i < 16; i++) {
        cr_expect(eq(u8, uuid.bytes[i], 0x5a), "written although refused");
    }
}

Test(uuid, other_forms_are_refused)
{
    static const char *const rows[] = {
        "",
        "0",
        "01234567-89ab-cdef-fedc-ba987654321",
        "01234567-89ab-cdef-fedc-ba98765432100",
        "0123456789abcdeffedcba9876543210",
        "{01234567-89ab-cdef-fedc-ba9876543210}",
        "urn:uuid:01234567-89ab-cdef-fedc-ba9876543210",
        "0123456789ab-cdef--fedc-ba9876543210",
        "-01234567-89ab-cdef-fedc-ba987654321",
        " 01234567-89ab-cdef-fedc-ba987654321",
        "01234567 89ab cdef fedc ba9876543210",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fenced(rows[i], strlen(rows[i]), expect_refused, "row");
    }
}

/* The neighbours of the hex digits in ASCII, a dash, a space, NUL and a byte above ASCII, everywhere. */
Test(uuid, a_wrong_character_anywhere_is_refused)
{
    static const char wrong[] = "/:@G`g \0\xff"
                                "O";
    for (size_t at = 0; at < 36; at++) {
        for (size_t i = 0; i < sizeof wrong; i++) { /* its NUL included */
            char text[] = "01234567-89ab-cdef-fedc-ba9876543210";
            text[at] = wrong[i];
            fenced(text, 36, expect_refused, "a wrong character");
        }
        char text[] = "01234567-89ab-cdef-fedc-ba9876543210";
        text[at] = text[at] == '-' ? '0' : '-';
        fenced(text, 36, expect_refused, "a wrong dash");
    }
}

Test(uuid, every_truncation_is_refused)
{
    for (size_t length = 0; length < 36; length++) {
        fenced(known[2].text, length, expect_refused, "truncated");
    }
}

#define IDS 100000

static int64_t milliseconds(const struct uuid *uuid)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | uuid->bytes[i];
    }
    return ms;
}

Test(uuid, v7_grows_strictly_and_carries_version_variant_and_time)
{
    const int64_t before_ms = clock_wall_ms();
    struct uuid last = {0};
    struct uuid first = {0};
    for (int i = 0; i < IDS; i++) {
        const struct uuid uuid = uuid_v7();
        cr_assert(lt(int, memcmp(last.bytes, uuid.bytes, 16), 0), "id %d is not greater than the one before",
                  i);
        cr_assert(eq(int, uuid.bytes[6] >> 4, 7), "version of id %d", i);
        cr_assert(eq(int, uuid.bytes[8] >> 6, 2), "variant of id %d", i);
        first = i == 0 ? uuid : first;
        last = uuid;
    }
    const int64_t after_ms = clock_wall_ms();
    cr_expect(ge(i64, milliseconds(&first), before_ms));
    cr_expect(le(i64, milliseconds(&first), after_ms));
    /* Ahead of the clock by no more than the counter makes necessary. */
    cr_expect(ge(i64, milliseconds(&last), before_ms));
    cr_expect(le(i64, milliseconds(&last), after_ms + IDS / 4096 + 1));
}

/* Of every bit that version and variant leave free, both values turn up. */
static void expect_random(struct uuid (*make)(void), size_t from, const char *what)
{
    unsigned char ones[16] = {0};
    unsigned char zeros[16] = {0};
    for (int i = 0; i < 200; i++) {
        const struct uuid uuid = make();
        for (size_t j = 0; j < 16; j++) {
            ones[j] |= uuid.bytes[j];
            zeros[j] |= (unsigned char)~uuid.bytes[j];
        }
    }
    for (size_t j = from; j < 16; j++) {
        const unsigned char fixed = j == 6 ? 0xf0 : j == 8 ? 0xc0 : 0;
        cr_expect(eq(int, (ones[j] & zeros[j]) | fixed, 0xff), "%s: byte %zu does not vary", what, j);
    }
}

Test(uuid, free_bits_are_random)
{
    expect_random(uuid_v4, 0, "v4");
    expect_random(uuid_v7, 8, "v7");
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

Test(uuid, v4_carries_version_and_variant_and_does_not_repeat)
{
    static struct uuid ids[IDS];
    for (size_t i = 0; i < IDS; i++) {
        ids[i] = uuid_v4();
        cr_assert(eq(int, ids[i].bytes[6] >> 4, 4));
        cr_assert(eq(int, ids[i].bytes[8] >> 6, 2));
    }
    qsort(ids, IDS, sizeof *ids, compare);
    for (size_t i = 1; i < IDS; i++) {
        cr_assert(ne(int, compare(&ids[i - 1], &ids[i]), 0));
    }
}

/* The random half of version 7 alone must already differ: processes share no counter. */
Test(uuid, v7_random_parts_do_not_repeat)
{
    static struct uuid ids[IDS];
    for (size_t i = 0; i < IDS; i++) {
        ids[i] = uuid_v7();
        memset(ids[i].bytes, 0, 8);
    }
    qsort(ids, IDS, sizeof *ids, compare);
    for (size_t i = 1; i < IDS; i++) {
        cr_assert(ne(int, compare(&ids[i - 1], &ids[i]), 0));
    }
}
