#include "schemas/deadletter.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "support/fence.h"
#include "support/leaks.h"

TestSuite(deadletter, .fini = no_leaks);

/* What is written comes back, under the names that operators know. */
Test(deadletter, every_member_has_its_header)
{
    const struct deadletter letter = {
        .original_topic = text_of("outbound.accepted"),
        .original_partition = text_of("3"),
        .original_offset = text_of("4711"),
        .error_code = text_of("TIMEOUT"),
        .error_message = text_of("no answer"),
        .attempts = text_of("5"),
        .failed_at = text_of("2026-01-31T12:00:00Z"),
        .failed_by = text_of("sender"),
        .replays = text_of("2"),
    };
    static const char *const expected[][2] = {
        {"x-original-topic", "outbound.accepted"},
        {"x-original-partition", "3"},
        {"x-original-offset", "4711"},
        {"x-error-code", "TIMEOUT"},
        {"x-error-message", "no answer"},
        {"x-attempts", "5"},
        {"x-failed-at", "2026-01-31T12:00:00Z"},
        {"x-failed-by", "sender"},
        {"x-replays", "2"},
    };
    struct kafka_header headers[DEADLETTER_HEADERS + 1];
    deadletter_headers(&letter, headers);
    for (size_t i = 0; i < DEADLETTER_HEADERS; i++) {
        cr_expect(eq(str, (char *)headers[i].name, (char *)expected[i][0]));
        cr_expect(eq(str, (char *)headers[i].value, (char *)expected[i][1]));
        cr_expect(eq(sz, headers[i].length, strlen(expected[i][1])));
    }
    cr_expect(headers[DEADLETTER_HEADERS].name == NULL);
}

Test(deadletter, what_is_not_known_is_left_out)
{
    const struct deadletter letter = {.error_code = text_of("TIMEOUT")};
    struct kafka_header headers[DEADLETTER_HEADERS + 1];
    deadletter_headers(&letter, headers);
    cr_expect(eq(str, (char *)headers[0].name, "x-error-code"));
    cr_expect(headers[1].name == NULL);
}

static const char packed[] = "traceparent\0\0\0\0\3a\0b"
                             "empty\0\0\0\0\0"
                             "none\0\xff\xff\xff\xff";

static void expect_whole_ones(const char *bytes, size_t length, void *arg)
{
    struct kafka_header headers[4] = {0};
    const size_t count = deadletter_unpack_headers(bytes, length, headers, 4);
    cr_expect(le(sz, count, 3));
    cr_expect(eq(sz, count, *(const size_t *)arg), "of %zu bytes", length);
}

Test(deadletter, headers_come_back_as_they_were)
{
    struct kafka_header headers[4] = {0};
    cr_assert(eq(sz, deadletter_unpack_headers(packed, sizeof packed - 1, headers, 4), 3));
    cr_expect(eq(str, (char *)headers[0].name, "traceparent"));
    cr_expect(eq(sz, headers[0].length, 3));
    cr_expect(eq(int, memcmp(headers[0].value, "a\0b", 3), 0));
    cr_expect(eq(str, (char *)headers[1].name, "empty"));
    cr_expect(headers[1].value != NULL && headers[1].length == 0);
    cr_expect(headers[2].value == NULL);
    cr_expect(eq(sz, deadletter_unpack_headers(packed, sizeof packed - 1, headers, 2), 2));
}

/* Whatever is cut off, or broken, nothing is read outside. */
Test(deadletter, a_part_of_packed_headers)
{
    const size_t ends[] = {19, 29, sizeof packed - 1};
    for (size_t length = 0; length < sizeof packed; length++) {
        size_t whole = 0;
        while (whole < 3 && ends[whole] <= length) {
            whole++;
        }
        fenced(packed, length, expect_whole_ones, &whole);
    }
    static const char lies[] = "a\0\x7f\xff\xff\xffxyz";
    size_t none = 0;
    fenced(lies, sizeof lies - 1, expect_whole_ones, &none);
    static const char endless[] = "no end of the name";
    fenced(endless, sizeof endless - 1, expect_whole_ones, &none);
}
