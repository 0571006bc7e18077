/*
 * What a provider may answer: the status in two bytes, the pause that it asks for in four, then the body.
 * Each header is the body's first line, which is what drivers look for in headers.
 */
#include <string.h>

#include "tests/fuzz/judged.h"
#include "tests/fuzz/targets.h"

#define PREFIX 6

static const char *header(void *arg, const char *name)
{
    (void)name;
    return arg;
}

int fuzz_answer(const uint8_t *bytes, size_t length)
{
    if (length < PREFIX) {
        return 0;
    }
    uint16_t status;
    int32_t pause_s;
    char line[300] = "";
    const char *body = (const char *)bytes + PREFIX;
    const size_t body_length = length - PREFIX;
    memcpy(&status, bytes, sizeof status);
    memcpy(&pause_s, bytes + sizeof status, sizeof pause_s);
    for (size_t i = 0; i < body_length && i < sizeof line - 1 && body[i] && body[i] != '\n'; i++) {
        line[i] = body[i];
    }
    const struct provider_answer answer = {.status = 200 + status % 400,
                                           .body = body,
                                           .body_length = body_length,
                                           .retry_after_s = pause_s,
                                           .header = header,
                                           .header_arg = line};
    must_be_judged_by_all(&answer, false);
    return 0;
}
