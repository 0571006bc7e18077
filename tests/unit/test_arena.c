#include "base/arena.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "support/leaks.h"

TestSuite(arena, .fini = no_leaks);

/* Sizes around the alignment and around a chunk. */
static const size_t sizes[] = {0, 1, 15, 16, 17, 100, 1000, 4080, 4095, 4096, 4097, 20000, 7};
#define SIZES (sizeof sizes / sizeof *sizes)

Test(arena, memory_is_aligned_zeroed_and_nobody_elses)
{
    struct arena arena = {0};
    unsigned char *blocks[4 * SIZES];
    for (size_t i = 0; i < 4 * SIZES; i++) {
        const size_t size = sizes[i % SIZES];
        unsigned char *block = blocks[i] = arena_alloc(&arena, size);
        cr_assert(eq(sz, (uintptr_t)block % alignof(max_align_t), 0), "block %zu", i);
        for (size_t j = 0; j < size; j++) {
            cr_assert(eq(u8, block[j], 0), "block %zu of %zu bytes, byte %zu", i, size, j);
        }
        memset(block, (int)i + 1, size);
    }
    for (size_t i = 0; i < 4 * SIZES; i++) {
        for (size_t j = 0; j < sizes[i % SIZES]; j++) {
            cr_assert(eq(u8, blocks[i][j], i + 1), "block %zu was overwritten at byte %zu", i, j);
        }
    }
    arena_release(&arena);
    cr_assert(arena.chunks == NULL);
}

Test(arena, memory_is_zeroed_again_after_a_reset)
{
    struct arena arena = {0};
    memset(arena_alloc(&arena, 4000), 0xff, 4000);
    arena_reset(&arena);
    const unsigned char *again = arena_alloc(&arena, 4000);
    for (size_t i = 0; i < 4000; i++) {
        cr_assert(eq(u8, again[i], 0), "byte %zu", i);
    }
    arena_release(&arena);
}

Test(arena, reset_keeps_one_chunk_for_the_next_lifetime)
{
    struct arena arena = {0};
    (void)arena_alloc(&arena, 10);
    struct arena_chunk *kept = arena.chunks;
    for (int lifetime = 0; lifetime < 3; lifetime++) {
        arena_reset(&arena);
        cr_assert(arena.chunks == kept, "lifetime %d", lifetime);
        (void)arena_alloc(&arena, 4000);
        cr_assert(arena.chunks == kept, "lifetime %d allocated anew", lifetime);
        (void)arena_alloc(&arena, 100000); /* does not fit and is given back */
    }
    arena_release(&arena);
}

Test(arena, reset_gives_back_a_chunk_of_unusual_size)
{
    struct arena arena = {0};
    (void)arena_alloc(&arena, 100000);
    arena_reset(&arena);
    cr_assert(arena.chunks == NULL);
}

Test(arena, reset_and_release_take_an_empty_arena)
{
    struct arena arena = {0};
    arena_reset(&arena);
    arena_release(&arena);
    cr_assert(arena.chunks == NULL);
}

Test(arena, copy_keeps_every_byte_and_ends_with_nul)
{
    struct arena arena = {0};
    const char bytes[] = {'a', '\0', (char)0xff, 'z'};
    const char *copy = arena_copy(&arena, bytes, sizeof bytes);
    cr_expect(copy != bytes);
    cr_expect_arr_eq(copy, bytes, sizeof bytes);
    cr_expect(eq(chr, copy[sizeof bytes], '\0'));

    /* 16 bytes: the NUL falls into the alignment's next unit. */
    copy = arena_copy(&arena, "0123456789abcdef", 16);
    (void)memset(arena_alloc(&arena, 16), 'x', 16);
    cr_expect(eq(str, copy, "0123456789abcdef"));

    cr_expect(eq(str, arena_copy(&arena, NULL, 0), ""));
    cr_expect(eq(str, arena_strdup(&arena, ""), ""));
    cr_expect(eq(str, arena_strdup(&arena, "wörd"), "wörd"));
    arena_release(&arena);
}
