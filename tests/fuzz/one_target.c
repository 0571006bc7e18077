/* One target as libFuzzer calls it: FUZZ_ONE is its function. */
#include "base/library_memory.h"
#include "tests/fuzz/targets.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    library_memory_set();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    return FUZZ_ONE(bytes, length);
}
