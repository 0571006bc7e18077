/*
 * digest.h - SHA-256.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

#define DIGEST_SIZE 32

/* OpenSSL's allocates, so it can fail: then the process ends, as without memory elsewhere (memory.h). */
void digest_sha256(const void *bytes, size_t length, unsigned char ret_digest[DIGEST_SIZE]);

#endif
