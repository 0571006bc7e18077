#include "support/leaks.h"

#include <criterion/criterion.h>

__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

/* Some settings live as long as the process by design: only suites that ask for it are looked at. */
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "leak_check_at_exit=0";
}

void no_leaks(void)
{
    if (__lsan_do_recoverable_leak_check) {
        cr_expect(__lsan_do_recoverable_leak_check() == 0, "memory leaks; standard error says where from");
    }
}
