/*
 * chance.h - random numbers that are the same in every run.
 */
#ifndef TESTS_UNIT_SUPPORT_CHANCE_H
#define TESTS_UNIT_SUPPORT_CHANCE_H

#include <stddef.h>
#include <stdint.h>

/* xorshift64*; start with any number but 0. */
static inline uint64_t chance_next(uint64_t *chance)
{
    *chance ^= *chance >> 12;
    *chance ^= *chance << 25;
    *chance ^= *chance >> 27;
    return *chance * UINT64_C(2685821657736338717);
}

/* 0 to `below` - 1. */
static inline size_t chance_below(uint64_t *chance, size_t below)
{
    return (size_t)(chance_next(chance) >> 11) % below;
}

#endif
