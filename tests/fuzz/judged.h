/*
 * judged.h - a provider's answer, judged by a driver, and what has to be true of every verdict.
 */
#ifndef TESTS_FUZZ_JUDGED_H
#define TESTS_FUZZ_JUDGED_H

#include "senders/provider.h"

/* By each driver in turn; `by_smtp` chooses between those for mail servers and those for HTTP. */
void must_be_judged_by_all(const struct provider_answer *answer, bool by_smtp);

#endif
