#include "base/fail_point.h"

#ifdef OUTBOUND_FAIL_POINTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE "OUTBOUND_FAIL_POINT"

static struct {
    const char *name; /* NULL: none is set */
    long passages;    /* left until it strikes */
    int signal;
} wanted;

void fail_point_pass(const char *name)
{
    if (wanted.name && strcmp(wanted.name, name) == 0 && --wanted.passages == 0) {
        (void)raise(wanted.signal);
    }
}

static bool find_name(const char *const *names, size_t count, const char *text, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) == length && strncmp(names[i], text, length) == 0) {
            wanted.name = names[i];
            return true;
        }
    }
    return false;
}

bool fail_point_set(const char *const *names, size_t count, struct error *error)
{
    const char *text = getenv(VARIABLE);
    if (!text || !*text) {
        return true;
    }
    const size_t length = strcspn(text, "@=");
    if (!find_name(names, count, text, length)) {
        return error_set(error, VARIABLE ": there is no fail point \"%.*s\"", (int)length, text);
    }
    char *rest = (char *)(text + length);
    wanted.passages = *rest == '@' ? strtol(rest + 1, &rest, 10) : 1;
    wanted.signal = strcmp(rest, "=kill") == 0 ? SIGKILL : strcmp(rest, "=stop") == 0 ? SIGSTOP : 0;
    if (wanted.passages < 1 || wanted.signal == 0) {
        wanted.name = NULL;
        return error_set(error, VARIABLE ": \"%s\": give it as NAME=kill, NAME=stop or NAME@PASSAGE=kill",
                         text);
    }
    return true;
}

#endif
