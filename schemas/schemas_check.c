#include "schemas/schemas_check.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "schemas/avro_compat.h"
#include "schemas/avro_schemas.h"
#include "schemas/schema_subjects.h"

#define FILE_LIMIT ((size_t)1024 * 1024)

static const char *const ways[] = {"new reads old", "old reads new"};

/* What is compared with what; the lines that are printed all begin so. */
struct comparison {
    struct schemas_check *check;
    const char *schema;
    const char *against;
    const char *way;
};

static void print(const struct comparison *one, const char *result, const char *path, const char *detail)
{
    if (one->check->json) {
        json_t *line =
            json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s}", "schema", one->schema, "against", one->against,
                      "result", result, "direction", one->way, "path", path, "detail", detail);
        (void)json_dumpf(line, stdout, JSON_COMPACT);
        (void)putchar('\n');
        json_decref(line);
        return;
    }
    (void)printf("%-16s %-14s %-12s %s%s%s%s%s\n", one->schema, one->against, result,
                 one->way ? one->way : "", one->way ? ": " : "", path ? path : "", path ? " " : "", detail);
}

static void flaw(struct comparison *one, const char *result, const char *detail)
{
    one->check->flaws++;
    print(one, result, NULL, detail);
}

static void on_incompatible(void *arg, const char *path, const char *what)
{
    const struct comparison *one = arg;
    one->check->flaws++;
    print(one, "incompatible", path, what);
}

/* Both ways: there are always writers and readers that are older than this version. */
static void compare(struct comparison *one, const char *text, const char *old)
{
    const size_t flaws = one->check->flaws;
    for (int i = 0; i < 2; i++) {
        struct error error;
        size_t count;
        one->way = ways[i];
        if (!avro_compat(i ? old : text, i ? text : old, on_incompatible, one, &count, &error)) {
            flaw(one, "incompatible", error.text);
        }
    }
    one->way = NULL;
    if (one->check->flaws == flaws) {
        print(one, "ok", NULL, "");
    }
}

/* --- released versions */

/* NAME.N.avsc; false for any other name. */
static bool parse_name(const char *file, char *ret_name, size_t size, int *ret_version)
{
    const size_t length = strcspn(file, ".");
    const char *number = file + length + 1;
    char *end;
    if (length == 0 || length >= size || !file[length] || *number < '1' || *number > '9') {
        return false;
    }
    const long version = strtol(number, &end, 10);
    if (strcmp(end, ".avsc") != 0 || version > INT32_MAX) {
        return false;
    }
    *ret_version = (int)version;
    (void)snprintf(ret_name, size, "%.*s", (int)length, file);
    return true;
}

static bool read_file(const char *folder, const char *name, int version, char **ret_text, struct error *error)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s.%d.avsc", folder, name, version);
    FILE *file = fopen(path, "re");
    if (!file) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    char *text = memory_new(FILE_LIMIT + 1);
    const size_t length = fread(text, 1, FILE_LIMIT, file);
    const bool fine = !ferror(file);
    (void)fclose(file);
    if (!fine) {
        free(text);
        return error_set(error, "%s: cannot be read", path);
    }
    text[length] = '\0';
    *ret_text = text;
    return true;
}

/* The newest version of each schema, and a word about files of schemas that are no longer there. */
static bool find_newest(struct schemas_check *check, const char *folder, int *ret_newest, struct error *error)
{
    DIR *directory = opendir(folder);
    if (!directory) {
        return error_set(error, "%s: %s", folder, strerror(errno));
    }
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        char name[128];
        int version;
        if (!parse_name(entry->d_name, name, sizeof name, &version)) {
            continue;
        }
        int schema = 0;
        while (schema < SCHEMA_COUNT && strcmp(schema_table[schema].name, name) != 0) {
            schema++;
        }
        if (schema == SCHEMA_COUNT) {
            struct comparison gone = {.check = check, .schema = name, .against = entry->d_name};
            flaw(&gone, "incompatible", "was released, and is no longer there");
        } else if (version > ret_newest[schema]) {
            ret_newest[schema] = version;
        }
    }
    (void)closedir(directory);
    return true;
}

bool schemas_check_released(struct schemas_check *check, const char *folder, struct error *error)
{
    int newest[SCHEMA_COUNT] = {0};
    if (!find_newest(check, folder, newest, error)) {
        return false;
    }
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        char against[32];
        char *old = NULL;
        (void)snprintf(against, sizeof against, "version %d", newest[i]);
        struct comparison one = {
            .check = check, .schema = schema_table[i].name, .against = newest[i] ? against : "released"};
        if (newest[i] == 0) {
            print(&one, "new", NULL, "no version was released yet");
            continue;
        }
        if (!read_file(folder, schema_table[i].name, newest[i], &old, error)) {
            return false;
        }
        compare(&one, avro_schema_text((enum schema)i), old);
        free(old);
    }
    return true;
}

/* --- the registry */

static bool check_subject(struct comparison *one, struct registry_session *session, const char *subject,
                          const char *text)
{
    struct registry_said latest = registry_wait_latest(session, subject);
    if (latest.answer == REGISTRY_ABSENT) {
        print(one, "new", NULL, "the registry does not have it yet");
        return true;
    }
    if (latest.answer != REGISTRY_FOUND) {
        flaw(one, "away", latest.why.text);
        return false;
    }
    compare(one, text, latest.schema_text);
    free(latest.schema_text);
    const struct registry_said own = registry_wait_check(session, subject, text);
    if (own.answer == REGISTRY_REFUSED || own.answer == REGISTRY_AWAY) {
        flaw(one, own.answer == REGISTRY_AWAY ? "away" : "incompatible", own.why.text);
    }
    return own.answer != REGISTRY_AWAY;
}

void schemas_check_registry(struct schemas_check *check, struct registry_session *session)
{
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        char subject[SUBJECT_SIZE];
        struct comparison one = {.check = check, .schema = schema_table[i].name, .against = "registry"};
        if (schema_subject((enum schema)i, subject) &&
            !check_subject(&one, session, subject, avro_schema_text((enum schema)i))) {
            return; /* the others would say the same */
        }
    }
}
