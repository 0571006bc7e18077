/* What the fuzzer once found stays mended: its corpus, in every build. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#define INPUT_MAX ((size_t)64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length); /* tests/fuzz/records.c */

static size_t try_folder(const char *path)
{
    static uint8_t bytes[INPUT_MAX];
    size_t count = 0;
    DIR *folder = opendir(path);
    cr_assert(ne(ptr, folder, NULL), "%s", path);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char name[1000];
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(name, "rb");
        if (file) {
            const size_t length = fread(bytes, 1, sizeof bytes, file);
            cr_expect(lt(sz, length, INPUT_MAX), "%s", name);
            cr_expect(eq(int, LLVMFuzzerTestOneInput(bytes, length), 0), "%s", name);
            (void)fclose(file);
            count++;
        }
    }
    (void)closedir(folder);
    return count;
}

Test(fuzz_corpus, every_input_is_survived)
{
    cr_expect(gt(sz, try_folder(SOURCE_DIRECTORY "/tests/fuzz/corpus"), 10));
    cr_expect(gt(sz, try_folder(SOURCE_DIRECTORY "/tests/fuzz/found"), 100));
}
