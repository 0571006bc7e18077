/*
 * provider_codes.h - from a provider's own error codes to ours: one table per provider.
 *
 * Such a code says more than the HTTP status that it comes with: of two answers 429 one may last for a second
 * and the other for a day.
 */
#ifndef SENDERS_PROVIDER_CODES_H
#define SENDERS_PROVIDER_CODES_H

#include <stddef.h>

#include "senders/answer_json.h"
#include "senders/provider.h"
#include "senders/verdict.h"

struct provider_code {
    int number; /* the provider's */
    enum error_code code;
    int pause_s; /* no use in trying earlier, as the provider's documentation has it; 0: it does not say */
};

struct refusal {
    int number;                /* the provider's code, or NO_NUMBER */
    enum error_code otherwise; /* what it is when the table does not have the number */
    const char *words;         /* the provider's; "" when it has none */
};

/* Sets the verdict; its pause is the longer one of Retry-After and the table's. */
void provider_codes_judge(const struct provider_code *table, size_t count, const struct refusal *refusal,
                          const struct provider_answer *answer, struct verdict *ret_verdict);

#endif
