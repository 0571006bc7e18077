#include "base/settings.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "support/leaks.h"
#include "support/says.h"
#include "support/temp_file.h"

struct values {
    const char *name;
    const char *secret;
    int64_t number;
    bool flag;
    const char *color;
    const char *deep;
};

static const struct setting table[] = {
    {.kind = SETTING_SECTION, .help = "Things"},
    {.kind = SETTING_TEXT,
     .name = "T_NAME",
     .key = "name",
     .initial = "nobody",
     .help = "Who.",
     .offset = offsetof(struct values, name)},
    {.kind = SETTING_SECRET,
     .name = "T_SECRET",
     .key = "auth.secret",
     .initial = "",
     .help = "Hush.",
     .offset = offsetof(struct values, secret)},
    {.kind = SETTING_INT,
     .name = "T_NUMBER",
     .key = "number",
     .initial = "10",
     .min = -5,
     .max = 100,
     .help = "How many.",
     .offset = offsetof(struct values, number)},
    {.kind = SETTING_SECTION, .help = "More"},
    {.kind = SETTING_BOOL,
     .name = "T_FLAG",
     .key = "flag",
     .initial = "true",
     .help = "Whether.",
     .offset = offsetof(struct values, flag)},
    {.kind = SETTING_CHOICE,
     .name = "T_COLOR",
     .key = "paint.color",
     .initial = "red",
     .choices = "|red|green|blueish",
     .help = "Which.",
     .offset = offsetof(struct values, color)},
    {.kind = SETTING_TEXT,
     .name = "T_DEEP",
     .key = "a.b.c.d",
     .initial = "",
     .help = "Far down.",
     .offset = offsetof(struct values, deep)},
};

#define COUNT (sizeof table / sizeof *table)

static struct values values; /* what was loaded last */

static void no_environment(void)
{
    clearenv();
}

static void released(void)
{
    settings_release(table, COUNT, &values);
    cr_expect(values.name == NULL && values.secret == NULL);
    no_leaks();
}

TestSuite(settings, .init = no_environment, .fini = released);

static bool load(const char *yaml, const struct setting_override *overrides, struct error *error)
{
    const struct settings_source source = {.yaml_path = yaml ? temp_file(yaml) : NULL,
                                           .overrides = overrides};
    settings_release(table, COUNT, &values);
    return settings_load(table, COUNT, &source, &values, error);
}

static void load_well(const char *yaml, const struct setting_override *overrides)
{
    struct error error = {0};
    cr_assert(load(yaml, overrides, &error), "%s", error.text);
}

/* Fails, with a sentence that contains each of the words. */
static void expect_refused(const char *yaml, const struct setting_override *overrides,
                           const char *const *words, const char *row)
{
    struct error error = {0};
    cr_expect(not(load(yaml, overrides, &error)), "%s is accepted", row);
    for (; *words; words++) {
        EXPECT_SAYS(error.text, *words);
    }
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(settings, defaults)
{
    load_well(NULL, NULL);
    cr_expect(eq(str, values.name, "nobody"));
    cr_expect(eq(str, values.secret, ""));
    cr_expect(eq(i64, values.number, 10));
    cr_expect(values.flag);
    cr_expect(eq(str, values.color, "red"));
    cr_expect(eq(str, values.deep, ""));
}

/* Each source in turn: what stands further left wins. */
Test(settings, override_over_environment_over_yaml_over_default)
{
    static const char yaml[] =
        "name: yaml\nnumber: 1\nflag: false\nauth: {secret: yaml}\npaint:\n  color: green\n";
    static const struct setting_override overrides[] = {
        {"T_NAME", "override"}, {"T_SECRET", "override"}, {"T_NUMBER", "3"},
        {"T_FLAG", "false"},    {"T_COLOR", "blueish"},   {0},
    };
    load_well(yaml, NULL);
    cr_expect(eq(str, values.name, "yaml"));
    cr_expect(eq(str, values.secret, "yaml"));
    cr_expect(eq(i64, values.number, 1));
    cr_expect(not(values.flag));
    cr_expect(eq(str, values.color, "green"));

    setenv("T_NAME", "environment", 1);
    setenv("T_SECRET", "environment", 1);
    setenv("T_NUMBER", "2", 1);
    setenv("T_FLAG", "true", 1);
    setenv("T_COLOR", "red", 1);
    load_well(yaml, NULL);
    cr_expect(eq(str, values.name, "environment"));
    cr_expect(eq(str, values.secret, "environment"));
    cr_expect(eq(i64, values.number, 2));
    cr_expect(values.flag);
    cr_expect(eq(str, values.color, "red"));

    load_well(yaml, overrides);
    cr_expect(eq(str, values.name, "override"));
    cr_expect(eq(str, values.secret, "override"));
    cr_expect(eq(i64, values.number, 3));
    cr_expect(not(values.flag));
    cr_expect(eq(str, values.color, "blueish"));
}

Test(settings, an_empty_variable_counts)
{
    setenv("T_NAME", "", 1);
    load_well("name: yaml\n", NULL);
    cr_expect(eq(str, values.name, ""));
}

Test(settings, yaml_nests)
{
    load_well("---\n# a comment\na:\n  b:\n    c:\n      d: \"down: here\"\nauth:\n  secret: 's'\n", NULL);
    cr_expect(eq(str, values.deep, "down: here"));
    cr_expect(eq(str, values.secret, "s"));
    load_well("a.b: {c: {d: flat}}\n", NULL);
    cr_expect(eq(str, values.deep, "flat"));
    load_well("", NULL);
    cr_expect(eq(str, values.deep, ""));
}

#define LONG_KEY                                                                                          \
    "a.long.key.a.long.key.a.long.key.a.long.key.a.long.key.a.long.key.a.long.key.a.long.key.a.long.key." \
    "a.long.key.a.long.key.a.long.key."

Test(settings, wrong_yaml_is_refused_with_its_line)
{
    static const struct {
        const char *yaml;
        const char *words[4];
    } rows[] = {
        {"name: x\nnmae: y\n", {"line 2", "nmae"}},
        {"a:\n  b:\n    x: 1\n", {"line 3", "a.b.x"}},
        {"name:\n  x: 1\n", {"line 2", "name.x"}},
        {"paint: red\n", {"line 1", "paint"}},
        {"number: 5\nname: [x]\n", {"line 2", "name"}},
        {"- name\n", {"line 1"}},
        {"number: 5\n? [a]\n: b\n", {"line 2"}},
        {"name: 'x\n", {"line"}},
        {"\tname: x\n", {"line 1"}},
        {"name: {a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}}\n", {"line 1"}},
        {"name: &x [*x]\n", {"line 1"}},
        {"name: &x {y: *x}\n", {"line 1"}},
        {"name: x\nnumber: 5\nname: y\n", {"line 3", "name", "line 1"}},
        {"a.b.c.d: 1\na: {b: {c: {d: 2}}}\n", {"line 2", "a.b.c.d", "line 1"}},
        {"name: x\n---\nnumber: 5\n", {"line 2", "document"}},
        {"number: 5\nname: \"a\\0b\"\n", {"line 2", "name", "NUL"}},
        {LONG_KEY LONG_KEY ": 1\n", {"line 1", "key"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect_refused(rows[i].yaml, NULL, rows[i].words, rows[i].yaml);
    }
}

Test(settings, missing_yaml_file_is_named)
{
    struct error error;
    const struct settings_source source = {.yaml_path = "/nonexistent/outbound.yaml"};
    cr_assert(not(settings_load(table, COUNT, &source, &values, &error)));
    EXPECT_SAYS(error.text, "/nonexistent/outbound.yaml");
}

Test(settings, wrong_values_name_their_setting)
{
    static const struct {
        const char *name;
        const char *value;
    } rows[] = {
        {"T_NUMBER", ""},         {"T_NUMBER", "x"},       {"T_NUMBER", "1x"},
        {"T_NUMBER", "1.5"},      {"T_NUMBER", "1 "},      {"T_NUMBER", "0x10"},
        {"T_NUMBER", "-6"},       {"T_NUMBER", "101"},     {"T_NUMBER", "99999999999999999999"},
        {"T_FLAG", ""},           {"T_FLAG", "1"},         {"T_FLAG", "yes"},
        {"T_FLAG", "True"},       {"T_FLAG", "truely"},    {"T_COLOR", ""},
        {"T_COLOR", "blue"},      {"T_COLOR", "greenish"}, {"T_COLOR", "Red"},
        {"T_COLOR", "red|green"}, {"T_COLOR", "|red"},     {"T_COLOR", "|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char row[100];
        (void)snprintf(row, sizeof row, "%s=%s", rows[i].name, rows[i].value);

        setenv(rows[i].name, rows[i].value, 1);
        expect_refused(NULL, NULL, WORDS(rows[i].name, rows[i].value), row);
        unsetenv(rows[i].name);

        const struct setting_override overrides[] = {{rows[i].name, rows[i].value}, {0}};
        expect_refused(NULL, overrides, WORDS(rows[i].name, rows[i].value), row);
    }
}

Test(settings, wrong_values_in_yaml_name_setting_key_and_file)
{
    expect_refused("number: many\n", NULL, WORDS("T_NUMBER", "number", "/tmp/outbound-unit-", "many"),
                   "number");
    expect_refused("paint: {color: black}\n", NULL,
                   WORDS("T_COLOR", "paint.color", "black", "red|green|blueish"), "color");
}

Test(settings, ends_of_a_range_belong_to_it)
{
    setenv("T_NUMBER", "-5", 1);
    load_well(NULL, NULL);
    cr_expect(eq(i64, values.number, -5));
    setenv("T_NUMBER", "100", 1);
    load_well(NULL, NULL);
    cr_expect(eq(i64, values.number, 100));
}

Test(settings, secrets_come_from_files_without_their_line_end)
{
    static const struct {
        const char *file;
        const char *secret;
    } rows[] = {
        {"hush", "hush"},       {"hush\n", "hush"}, {"hush\r\n", "hush"},
        {" a b=c ", " a b=c "}, {"", ""},           {"\n", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setenv("T_SECRET_FILE", temp_file(rows[i].file), 1);
        load_well(NULL, NULL);
        cr_expect(eq(str, values.secret, rows[i].secret));
    }
}

/* librdkafka's properties are a secret of several lines. */
Test(settings, secret_files_may_have_several_lines)
{
    setenv("T_SECRET_FILE", temp_file("a=1\nb=2\n"), 1);
    load_well(NULL, NULL);
    cr_expect(eq(str, values.secret, "a=1\nb=2"));
}

/* Half a secret, or none, would be refused by a provider, and nobody would know why. */
Test(settings, a_secret_file_is_read_whole_or_refused)
{
    static char text[65537 + 1];
    memset(text, 'x', sizeof text - 2);
    setenv("T_SECRET_FILE", temp_file(text), 1);
    load_well(NULL, NULL);
    cr_expect(eq(str, values.secret, text));
    text[sizeof text - 2] = 'x';
    setenv("T_SECRET_FILE", temp_file(text), 1);
    expect_refused(NULL, NULL, WORDS("T_SECRET_FILE", getenv("T_SECRET_FILE"), "65536"), "too long");
    setenv("T_SECRET_FILE", "/tmp", 1);
    expect_refused(NULL, NULL, WORDS("T_SECRET_FILE", "/tmp", "directory"), "a folder");
    setenv("T_SECRET_FILE", "/proc/self/cmdline", 1);
    expect_refused(NULL, NULL, WORDS("T_SECRET_FILE", "/proc/self/cmdline", "NUL"), "a NUL");
}

Test(settings, secret_file_wins_over_yaml_and_loses_to_an_override)
{
    static const struct setting_override overrides[] = {{"T_SECRET", "override"}, {0}};
    static const struct setting_override others[] = {{"T_NAME", "x"}, {0}};
    struct error error;
    char path[] = "/tmp/outbound-unit-secret-XXXXXX";
    const int fd = mkstemp(path);
    cr_assert(fd >= 0);
    setenv("T_SECRET_FILE", path, 1);
    load_well("auth: {secret: yaml}\n", others);
    cr_expect(eq(str, values.secret, ""));
    load_well("auth: {secret: yaml}\n", overrides);
    cr_expect(eq(str, values.secret, "override"));
    (void)remove(path);
    cr_expect(not(load("auth: {secret: yaml}\n", others, &error)));
    EXPECT_SAYS(error.text, "T_SECRET_FILE");
    EXPECT_SAYS(error.text, path);
}

Test(settings, secret_and_its_file_together_are_refused)
{
    setenv("T_SECRET", "x", 1);
    setenv("T_SECRET_FILE", temp_file("y"), 1);
    expect_refused(NULL, NULL, WORDS("T_SECRET", "T_SECRET_FILE"), "both");
}

Test(settings, only_secrets_come_from_files)
{
    setenv("T_NAME_FILE", "/nonexistent", 1);
    load_well(NULL, NULL);
    cr_expect(eq(str, values.name, "nobody"));
}

/* free() it. */
static char *printed(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    print(out);
    (void)fclose(out);
    return text;
}

static void print_values(FILE *out)
{
    settings_print_values(table, COUNT, &values, out);
}

static void print_help(FILE *out)
{
    settings_print_help(table, COUNT, out);
}

static void print_markdown(FILE *out)
{
    settings_print_markdown(table, COUNT, out);
}

Test(settings, printed_values_mask_secrets)
{
    setenv("T_SECRET", "hush-hush", 1);
    setenv("T_NUMBER", "-3", 1);
    load_well(NULL, NULL);
    char *text = printed(print_values);
    cr_expect(
        eq(str, text, "T_NAME=nobody\nT_SECRET=********\nT_NUMBER=-3\nT_FLAG=true\nT_COLOR=red\nT_DEEP=\n"));
    free(text);
    setenv("T_SECRET", "", 1);
    load_well(NULL, NULL);
    text = printed(print_values);
    EXPECT_SAYS(text, "T_SECRET=\n"); /* nothing to hide */
    free(text);
}

Test(settings, help_and_markdown_show_every_row)
{
    char *help = printed(print_help);
    char *markdown = printed(print_markdown);
    for (size_t i = 0; i < COUNT; i++) {
        EXPECT_SAYS(help, table[i].help);
        EXPECT_SAYS(markdown, table[i].help);
        if (table[i].name) {
            EXPECT_SAYS(help, table[i].name);
            EXPECT_SAYS(markdown, table[i].name);
            EXPECT_SAYS(markdown, table[i].key);
        }
    }
    EXPECT_SAYS(help, "-5 to 100");
    EXPECT_SAYS(help, "red|green|blueish");
    /* A bar would end the cell. */
    EXPECT_SAYS(markdown, "red/green/blueish");
    free(help);
    free(markdown);
}
