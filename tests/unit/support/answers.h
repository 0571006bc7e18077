/*
 * answers.h - a provider's answer, judged by its driver.
 */
#ifndef TESTS_UNIT_SUPPORT_ANSWERS_H
#define TESTS_UNIT_SUPPORT_ANSWERS_H

#include "senders/provider.h"

/* `headers`: "name", "value", …, NULL; or NULL for none. */
struct verdict answer_judged(const struct provider *provider, int status, const char *body,
                             const char *const *headers);

/* Every beginning of a whole answer with status 200, shorter than all of it, is judged UNREADABLE_RESPONSE.
 */
void answer_expect_all_of_it_is_needed(const struct provider *provider, const char *body);

#endif
