/*
 * Criterion shares a piece of memory with its tests, at an address that it draws by lot until one is free
 * (BoxFort 0.1.2, arena.c: from 0x200000000000 to 0x7f0000000000). TSan has nearly all of them for itself:
 * here each is free, and is moved into the piece that programs may use.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#define FREE_BEGIN ((uintptr_t)0x7e8000000000) /* tsan_platform.h: kHiAppMemBeg of Linux on x86-64 */
#define FREE_SIZE ((uintptr_t)0x007000000000)

/* Both may be called before TSan has begun. */
#define NOT_BY_TSAN __attribute__((no_sanitize("thread")))

typedef void *mmap_fn(void *address, size_t length, int protection, int flags, int fd, off_t offset);

NOT_BY_TSAN void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    static mmap_fn *next;
    if (!next) {
        next = (mmap_fn *)(uintptr_t)dlsym(RTLD_NEXT, "mmap64");
    }
    const uintptr_t at = (uintptr_t)address;
    if ((flags & MAP_FIXED) && at < FREE_BEGIN) {
        address = (void *)(FREE_BEGIN + at % FREE_SIZE);
    }
    return next(address, length, protection, flags, fd, offset);
}

NOT_BY_TSAN int mincore(void *start, size_t length, unsigned char *ret_pages)
{
    (void)start;
    (void)length;
    (void)ret_pages;
    errno = ENOMEM;
    return -1;
}
