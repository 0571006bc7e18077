#include "senders/provider_codes.h"

static const struct provider_code *find(const struct provider_code *table, size_t count, int number)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].number == number) {
            return &table[i];
        }
    }
    return NULL;
}

void provider_codes_judge(const struct provider_code *table, size_t count, const struct refusal *refusal,
                          const struct provider_answer *answer, struct verdict *ret_verdict)
{
    const struct provider_code *known = find(table, count, refusal->number);
    const enum error_code code = known ? known->code : refusal->otherwise;
    if (refusal->number == NO_NUMBER) {
        verdict_set(ret_verdict, code, "HTTP status %d%s%s", answer->status, *refusal->words ? ": " : "",
                    refusal->words);
    } else {
        verdict_set(ret_verdict, code, "%d: %s", refusal->number, refusal->words);
    }
    if (error_row(code)->remedy == RETRYABLE) {
        const int64_t known_s = known ? known->pause_s : 0;
        ret_verdict->retry_after_ms =
            verdict_pause_ms(answer->retry_after_s > known_s ? answer->retry_after_s : known_s);
    }
}
