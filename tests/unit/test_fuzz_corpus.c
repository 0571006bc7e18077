/* What the fuzzer once found stays mended: its corpus, in every build. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#define CORPUS SOURCE_DIRECTORY "/tests/fuzz/corpus"
#define INPUT_MAX ((size_t)64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length); /* tests/fuzz/records.c */

Test(fuzz_corpus, every_input_is_survived, .timeout = 60)
{
    static uint8_t bytes[INPUT_MAX];
    size_t count = 0;
    DIR *folder = opendir(CORPUS);
    cr_assert(ne(ptr, folder, NULL));
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char path[1000];
        (void)snprintf(path, sizeof path, CORPUS "/%s", entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (file) {
            const size_t length = fread(bytes, 1, sizeof bytes, file);
            cr_expect(lt(sz, length, INPUT_MAX), "%s", entry->d_name);
            cr_expect(eq(int, LLVMFuzzerTestOneInput(bytes, length), 0), "%s", entry->d_name);
            (void)fclose(file);
            count++;
        }
    }
    (void)closedir(folder);
    cr_expect(gt(sz, count, 10));
}
