#include "base/digest.h"

#include <openssl/sha.h>

#include "base/memory.h"

void digest_sha256(const void *bytes, size_t length, unsigned char ret_digest[DIGEST_SIZE])
{
    if (!SHA256(bytes, length, ret_digest)) {
        memory_stop();
    }
}
