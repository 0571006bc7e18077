#include "base/pg_params.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "support/leaks.h"

TestSuite(pg_params, .fini = no_leaks);

#define MEM(pointer, length) ((struct cr_mem){.data = (pointer), .size = (size_t)(length)})

/* A parameter's bytes against hand-written ones. */
#define EXPECT_PARAM(params, index, ...)                                                                   \
    do {                                                                                                   \
        static const unsigned char wanted[] = {__VA_ARGS__};                                               \
        cr_expect(eq(mem, MEM((params)->bytes.bytes + (params)->offsets[index], (params)->lengths[index]), \
                     MEM(wanted, sizeof wanted)));                                                         \
    } while (0)

static const struct uuid uuid = {
    {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}};

#define UUID_BYTES \
    0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10

/* One dimension, "may have nulls", element type, element count, lower bound 1. */
#define ARRAY(type_high, type_low, count) \
    0, 0, 0, 1, 0, 0, 0, 1, 0, 0, type_high, type_low, 0, 0, 0, count, 0, 0, 0, 1
#define NUL_ELEMENT 0xff, 0xff, 0xff, 0xff

Test(pg_params, plain_values)
{
    struct pg_params params;
    pg_params_init(&params, 1000);
    pg_param_int4(&params, -2);
    pg_param_int8(&params, 0x0102030405060708);
    pg_param_text(&params, "hé");
    pg_param_text(&params, "");
    pg_param_uuid(&params, &uuid);
    cr_assert(eq(int, params.count, 5));
    EXPECT_PARAM(&params, 0, 0xff, 0xff, 0xff, 0xfe);
    EXPECT_PARAM(&params, 1, 1, 2, 3, 4, 5, 6, 7, 8);
    EXPECT_PARAM(&params, 2, 'h', 0xc3, 0xa9);
    cr_expect(eq(int, params.lengths[3], 0));
    EXPECT_PARAM(&params, 4, UUID_BYTES);
    pg_params_release(&params);
}

Test(pg_params, arrays)
{
    struct pg_params params;
    pg_params_init(&params, 10000);
    pg_array_begin(&params, PG_INT4);
    pg_array_int4(&params, 7);
    pg_array_null(&params);
    pg_array_int4(&params, INT32_MIN);
    pg_array_end(&params);

    pg_array_begin(&params, PG_INT8);
    pg_array_int8(&params, -1);
    pg_array_end(&params);

    pg_array_begin(&params, PG_UUID);
    pg_array_uuid(&params, &uuid);
    pg_array_end(&params);

    pg_array_begin(&params, PG_TEXT);
    pg_array_text(&params, "ab");
    pg_array_text(&params, "");
    pg_array_text(&params, NULL);
    pg_array_bytes(&params, "xyz", 2);
    pg_array_end(&params);

    pg_array_begin(&params, PG_BYTEA);
    pg_array_bytes(&params, "\0\xff", 2);
    pg_array_bytes(&params, NULL, 3);
    pg_array_end(&params);

    pg_array_begin(&params, PG_JSON);
    pg_array_bytes(&params, "{}", 2);
    pg_array_end(&params);

    pg_array_begin(&params, PG_TEXT);
    pg_array_end(&params);

    cr_assert(eq(int, params.count, 7));
    EXPECT_PARAM(&params, 0, ARRAY(0, 23, 3), 0, 0, 0, 4, 0, 0, 0, 7, NUL_ELEMENT, 0, 0, 0, 4, 0x80, 0, 0, 0);
    EXPECT_PARAM(&params, 1, ARRAY(0, 20, 1), 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    EXPECT_PARAM(&params, 2, ARRAY(0x0b, 0x86, 1), 0, 0, 0, 16, UUID_BYTES);
    EXPECT_PARAM(&params, 3, ARRAY(0, 25, 4), 0, 0, 0, 2, 'a', 'b', 0, 0, 0, 0, NUL_ELEMENT, 0, 0, 0, 2, 'x',
                 'y');
    EXPECT_PARAM(&params, 4, ARRAY(0, 17, 2), 0, 0, 0, 2, 0, 0xff, NUL_ELEMENT);
    EXPECT_PARAM(&params, 5, ARRAY(0, 114, 1), 0, 0, 0, 2, '{', '}');
    EXPECT_PARAM(&params, 6, ARRAY(0, 25, 0));
    pg_params_release(&params);
}

Test(pg_params, timestamps_count_from_2000)
{
    struct pg_params params;
    pg_params_init(&params, 1000);
    pg_array_begin(&params, PG_TIMESTAMPTZ);
    pg_array_timestamp(&params, 946684800 * INT64_C(1000000)); /* 2000-01-01T00:00:00Z */
    pg_array_timestamp(&params, 946684800 * INT64_C(1000000) + 258);
    pg_array_timestamp(&params, 946684799 * INT64_C(1000000) + 999999);
    pg_array_end(&params);
    EXPECT_PARAM(&params, 0, ARRAY(0x04, 0xa0, 3), 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0,
                 0, 0, 1, 2, 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    pg_params_release(&params);
}

Test(pg_params, an_array_of_many_counts_them)
{
    struct pg_params params;
    pg_params_init(&params, 10000000);
    pg_array_begin(&params, PG_INT4);
    for (int i = 0; i < 70000; i++) {
        pg_array_int4(&params, i);
    }
    pg_array_end(&params);
    static const unsigned char count[] = {0, 1, 0x11, 0x70};
    cr_expect(eq(mem, MEM(params.bytes.bytes + 12, 4), MEM(count, 4)));
    cr_expect(eq(int, params.lengths[0], 20 + 70000 * 8));
    pg_params_release(&params);
}

Test(pg_params, clear_starts_over)
{
    struct pg_params params;
    pg_params_init(&params, 30);
    pg_array_begin(&params, PG_TEXT);
    pg_array_text(&params, "more than thirty bytes of text");
    pg_array_end(&params);
    cr_expect(params.bytes.overflow);

    pg_params_clear(&params);
    cr_expect(eq(int, params.count, 0));
    cr_expect(not(params.bytes.overflow));
    pg_array_begin(&params, PG_INT4);
    pg_array_int4(&params, 1);
    pg_array_end(&params);
    cr_expect(eq(int, params.count, 1));
    EXPECT_PARAM(&params, 0, ARRAY(0, 23, 1), 0, 0, 0, 4, 0, 0, 0, 1);
    pg_params_release(&params);
}

/* Wherever the limit cuts, nothing is written outside and the overflow is known. */
Test(pg_params, overflow_is_seen_at_every_limit)
{
    for (size_t limit = 0; limit <= 36; limit++) {
        struct pg_params params;
        pg_params_init(&params, limit);
        pg_param_int4(&params, 1);
        pg_array_begin(&params, PG_INT8);
        pg_array_int8(&params, 1);
        pg_array_end(&params);
        cr_expect(params.bytes.overflow == (limit < 36), "limit %zu", limit);
        cr_expect(le(sz, params.bytes.length, limit));
        pg_params_release(&params);
    }
}
