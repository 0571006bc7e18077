#include "schemas/migrate.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/temp_file.h"

#define DIRECTORY SOURCE_DIRECTORY "/schemas/sql"

/* What the executable carries is what the folder has. */
Test(migrations, are_the_files_in_the_order_of_their_numbers)
{
    cr_assert(gt(sz, migration_count, 0));
    for (size_t i = 0; i < migration_count; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s.sql", DIRECTORY, migrations[i].name);
        char *text = file_text(path);
        cr_expect(eq(str, migrations[i].sql, text));
        free(text);
        cr_expect(eq(long, strtol(migrations[i].name, NULL, 10), (long)i + 1), "%s", migrations[i].name);
    }
    size_t files = 0;
    DIR *directory = opendir(DIRECTORY);
    cr_assert(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory));) {
        files += strstr(entry->d_name, ".sql") != NULL;
    }
    (void)closedir(directory);
    cr_expect(eq(sz, migration_count, files));
}
