/*
 * says.h - a text that a person reads contains the words that matter.
 */
#ifndef TESTS_UNIT_SUPPORT_SAYS_H
#define TESTS_UNIT_SUPPORT_SAYS_H

#include <criterion/criterion.h>
#include <string.h>

#define EXPECT_SAYS(text, words) \
    cr_expect(strstr((text), (words)) != NULL, "\"%s\" does not say \"%s\"", (text), (words))

#endif
