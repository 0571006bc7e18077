/* What the fuzzer once found stays mended: the corpora of all targets, in every build. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/time_limit.h"
#include "tests/fuzz/targets.h"

#define INPUT_MAX ((size_t)512 * 1024)

TestSuite(fuzz_corpus, .init = time_limit);

/* In memory of its own size, so that a look behind its end is seen. */
static void try_file(fuzz_target_fn *target, const char *name)
{
    uint8_t *bytes = malloc(INPUT_MAX);
    FILE *file = fopen(name, "rb");
    cr_assert(file != NULL && bytes != NULL, "%s", name);
    const size_t length = fread(bytes, 1, INPUT_MAX, file);
    (void)fclose(file);
    cr_assert(lt(sz, length, INPUT_MAX), "%s", name);
    bytes = realloc(bytes, length + 1); /* 0 bytes would be none */
    cr_expect(eq(int, target(bytes, length), 0), "%s", name);
    free(bytes);
}

static size_t try_folder(fuzz_target_fn *target, const char *kind, const char *target_name)
{
    size_t count = 0;
    char path[1000];
    (void)snprintf(path, sizeof path, "%s/tests/fuzz/%s/%s", SOURCE_DIRECTORY, kind, target_name);
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] != '.') {
            char name[sizeof path + sizeof entry->d_name];
            (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            try_file(target, name);
            count++;
        }
    }
    if (folder) {
        (void)closedir(folder);
    }
    return count;
}

#define FUZZ_TARGET(name)                                               \
    Test(fuzz_corpus, every_input_is_survived_by_##name)                \
    {                                                                   \
        cr_expect(ge(sz, try_folder(fuzz_##name, "corpus", #name), 3)); \
        (void)try_folder(fuzz_##name, "found", #name);                  \
    }
#include "tests/fuzz/targets.def"
