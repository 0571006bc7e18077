/* Which folder may include which, and what base may not know. Reads the source tree. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ctype.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/temp_file.h"

/* A folder and those whose headers it may include beside its own. */
static const struct rule {
    const char *folder;
    const char *may[4];
} rules[] = {
    {"base", {NULL}},
    {"schemas", {"base"}},
    {"metrics", {"base"}},
    {"metrics/exporter", {"base", "schemas", "metrics"}},
    {"producer", {"base", "schemas", "metrics"}},
    {"router", {"base", "schemas", "metrics"}},
    {"senders", {"base", "schemas", "metrics"}},
    {"sandbox", {"base", "schemas", "metrics"}},
    {"dlq", {"base", "schemas", "metrics"}},
};

/* Bound by no rule: the program that puts the roles together, and what is not part of it. */
static const char *const free_folders[] = {"docs", "tests", "build", "compose", "bench"};

#define RULES (sizeof rules / sizeof *rules)

static const struct rule *rule_of(const char *folder)
{
    for (size_t i = 0; i < RULES; i++) {
        if (strcmp(rules[i].folder, folder) == 0) {
            return &rules[i];
        }
    }
    return NULL;
}

/* Whether a file in `folder` may have #include "header". */
static bool may_include(const char *folder, const char *header)
{
    const struct rule *rule = rule_of(folder);
    char first[64];
    (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(header, "/"), header);
    if (!strchr(header, '/')) {
        return false; /* paths start at the root */
    }
    const char *end = strrchr(header, '/');
    for (size_t i = 0; i < RULES; i++) { /* what has a rule of its own is nobody else's */
        const size_t length = strlen(rules[i].folder);
        if (strchr(rules[i].folder, '/') && (size_t)(end - header) == length &&
            strncmp(header, rules[i].folder, length) == 0) {
            return strcmp(folder, rules[i].folder) == 0;
        }
    }
    bool may = strcmp(first, folder) == 0;
    for (size_t i = 0; i < 4 && rule->may[i]; i++) {
        may = may || strcmp(first, rule->may[i]) == 0;
    }
    return may;
}

Test(layers, the_rules_themselves)
{
    static const struct {
        const char *folder, *header;
        bool may;
    } rows[] = {
        {"base", "base/log.h", true},
        {"base", "schemas/states.h", false},
        {"base", "metrics/metrics.h", false},
        {"schemas", "base/pg.h", true},
        {"schemas", "schemas/states.def", true},
        {"schemas", "metrics/metrics.h", false},
        {"metrics", "schemas/states.h", false},
        {"metrics/exporter", "schemas/states.h", true},
        {"metrics/exporter", "metrics/exporter/kafka.h", true},
        {"metrics/exporter", "metrics/metrics.h", true},
        {"metrics", "metrics/exporter/kafka.h", false},
        {"senders", "metrics/exporter/kafka.h", false},
        {"producer", "metrics/metrics.h", true},
        {"producer", "router/run.h", false},
        {"senders", "senders/sendgrid/sendgrid.h", true},
        {"senders", "producer/producer.h", false},
        {"dlq", "schemas/topics.h", true},
        {"sandbox", "senders/sender.h", false},
        {"router", "tests/unit/support/fence.h", false},
        {"router", "router.h", false},
        {"router", "../senders/sender.h", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect(may_include(rows[i].folder, rows[i].header) == rows[i].may, "%s, %s", rows[i].folder,
                  rows[i].header);
    }
}

static bool ends_in(const char *name, const char *end)
{
    return strlen(name) > strlen(end) && strcmp(name + strlen(name) - strlen(end), end) == 0;
}

/* Calls `look` with every *.c, *.h and *.def below a folder; answers how many there are. */
static int each_file(const char *directory, void (*look)(const char *path, char *text, void *arg), void *arg)
{
    int count = 0;
    DIR *entries = opendir(directory);
    if (!entries) {
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(entries));) {
        char path[1024];
        struct stat status;
        (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (*entry->d_name == '.' || stat(path, &status)) {
            continue;
        }
        if (S_ISDIR(status.st_mode)) {
            /* A folder within another one may have a rule of its own. */
            count += rule_of(path + strlen(SOURCE_DIRECTORY "/")) ? 0 : each_file(path, look, arg);
        } else if (ends_in(path, ".c") || ends_in(path, ".h") || ends_in(path, ".def")) {
            char *text = file_text(path);
            look(path, text, arg);
            free(text);
            count++;
        }
    }
    (void)closedir(entries);
    return count;
}

static void check_includes(const char *path, char *text, void *arg)
{
    const char *folder = arg;
    for (char *at = text; (at = strstr(at, "#include")); at += 8) {
        const char *from = at + 8 + strspn(at + 8, " \t");
        if (*from != '"' || (at > text && at[-1] != '\n')) {
            continue;
        }
        char header[256];
        (void)snprintf(header, sizeof header, "%.*s", (int)strcspn(from + 1, "\"\n"), from + 1);
        cr_expect(may_include(folder, header), "%s includes %s", path, header);
    }
}

Test(layers, includes_go_down_and_never_sideways)
{
    static const char *const there[] = {"base",   "schemas", "metrics", "producer",
                                        "router", "senders", "sandbox", "dlq"};
    int count = 0;
    for (size_t i = 0; i < RULES; i++) {
        char directory[512];
        (void)snprintf(directory, sizeof directory, "%s/%s", SOURCE_DIRECTORY, rules[i].folder);
        const int found = each_file(directory, check_includes, (void *)(uintptr_t)rules[i].folder);
        for (size_t j = 0; j < sizeof there / sizeof *there; j++) {
            cr_expect(found > 0 || strcmp(rules[i].folder, there[j]) != 0, "%s has no files", directory);
        }
        count += found;
    }
    cr_expect(gt(int, count, 50));
}

/* A folder that is new has to get its rule. */
Test(layers, every_folder_with_code_has_a_rule)
{
    DIR *entries = opendir(SOURCE_DIRECTORY);
    cr_assert(entries != NULL);
    for (struct dirent *entry; (entry = readdir(entries));) {
        struct stat status;
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s", SOURCE_DIRECTORY, entry->d_name);
        bool known = *entry->d_name == '.' || stat(path, &status) || !S_ISDIR(status.st_mode);
        for (size_t i = 0; i < sizeof free_folders / sizeof *free_folders; i++) {
            known = known || strcmp(free_folders[i], entry->d_name) == 0;
        }
        cr_expect(known || rule_of(entry->d_name) != NULL, "no rule says what %s may include", entry->d_name);
    }
    (void)closedir(entries);
}

/* Blanks comments and puts all in small letters. */
static void only_code(char *text)
{
    for (char *from; (from = strstr(text, "/*"));) {
        char *to = strstr(from + 2, "*/");
        to = to ? to + 2 : from + strlen(from);
        memset(from, ' ', (size_t)(to - from));
    }
    for (char *at = text; *at; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
}

static const char *const domain_words[] = {"sendgrid",  "twilio",   "whatsapp",      "outbound_message",
                                           "recipient", "provider", "template_code", "dossier"};

static void check_words(const char *path, char *text, void *arg)
{
    int *found = arg;
    only_code(text);
    for (size_t i = 0; i < sizeof domain_words / sizeof *domain_words; i++) {
        const bool there = strstr(text, domain_words[i]) != NULL;
        *found += there;
        cr_expect(path == NULL || !there, "%s knows the word \"%s\"", path, domain_words[i]);
    }
}

Test(layers, base_knows_no_word_of_the_domain)
{
    int found = 0;
    cr_expect(gt(int, each_file(SOURCE_DIRECTORY "/base", check_words, &found), 20));

    /* The check sees what it looks for, and looks over comments. */
    found = 0;
    char in_code[] = "/* fine */ static int Recipient_count; /* fine";
    check_words(NULL, in_code, &found);
    cr_expect(eq(int, found, 1));
    found = 0;
    char in_comments[] = "/* a recipient */ int x; /* Twilio */ int y; /* whatsapp";
    check_words(NULL, in_comments, &found);
    cr_expect(eq(int, found, 0));
}
