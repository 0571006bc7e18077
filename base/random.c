#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* From the kernel a page at a time: one system call for some hundred ids. Each thread has its own. */
void random_bytes(void *ret_bytes, size_t size)
{
    static _Thread_local unsigned char pool[4096];
    static _Thread_local size_t left;
    if (left < size) {
        size_t have = 0;
        while (have < sizeof pool) {
            const ssize_t got = getrandom(pool + have, sizeof pool - have, 0);
            if (got < 0 && errno != EINTR) {
                abort(); /* Linux answers from the start of user space on; guessable ids are not an option */
            }
            have += got > 0 ? (size_t)got : 0;
        }
        left = sizeof pool;
    }
    left -= size;
    memcpy(ret_bytes, pool + left, size);
}
