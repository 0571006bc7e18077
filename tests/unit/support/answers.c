#include "support/answers.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/fence.h"

static const char *header_in(void *arg, const char *name)
{
    for (const char *const *pair = arg; pair && *pair; pair += 2) {
        if (strcasecmp(pair[0], name) == 0) {
            return pair[1];
        }
    }
    return NULL;
}

static struct verdict judged(const struct provider *provider, int status, const char *body, size_t length,
                             const char *const *headers)
{
    const struct provider_answer answer = {.status = status,
                                           .body = body,
                                           .body_length = length,
                                           .header = header_in,
                                           .header_arg = (void *)headers};
    struct verdict verdict = {0};
    provider->judge(&answer, &verdict);
    cr_expect_eq(verdict.http_status, status);
    return verdict;
}

struct verdict answer_judged(const struct provider *provider, int status, const char *body,
                             const char *const *headers)
{
    return judged(provider, status, body, strlen(body), headers);
}

static void look_at_beginning(const char *bytes, size_t length, void *arg)
{
    const struct verdict verdict = judged(arg, 200, bytes, length, NULL);
    cr_expect_eq(verdict.code, ERROR_UNREADABLE_RESPONSE, "%.*s", (int)length, bytes);
    cr_expect_str_eq(verdict.provider_message_id, "");
}

void answer_expect_all_of_it_is_needed(const struct provider *provider, const char *body)
{
    cr_assert_eq(judged(provider, 200, body, strlen(body), NULL).code, ERROR_NONE);
    for (size_t length = 0; length < strlen(body); length++) {
        fenced(body, length, look_at_beginning, (void *)provider);
    }
}
