#include "support/time_limit.h"

#include <signal.h>
#include <unistd.h>

#define LIMIT_S 120

static void on_alarm(int signal)
{
    static const char words[] = "the test took too long\n";
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    (void)raise(signal); /* the handler is gone: this ends the process */
}

void time_limit(void)
{
    const struct sigaction action = {.sa_handler = on_alarm, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    (void)sigaction(SIGALRM, &action, NULL);
    (void)alarm(LIMIT_S);
}
