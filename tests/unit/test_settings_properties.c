/* A setting that is a list of name=value: its sources add up. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "base/settings.h"
#include "support/leaks.h"
#include "support/says.h"
#include "support/temp_file.h"

static const struct setting table[] = {
    {.kind = SETTING_PROPERTIES, .name = "T_LIST", .key = "some.list", .initial = "", .help = "List."},
};

static const char *value;

static void begin(void)
{
    clearenv();
}

static void released(void)
{
    settings_release(table, 1, &value);
    no_leaks();
}

TestSuite(settings_properties, .init = begin, .fini = released);

static bool load(const char *yaml, const struct setting_override *overrides, struct error *error)
{
    const struct settings_source source = {.yaml_path = yaml ? temp_file(yaml) : NULL,
                                           .overrides = overrides};
    settings_release(table, 1, &value);
    return settings_load(table, 1, &source, &value, error);
}

static void expect(const char *yaml, const struct setting_override *overrides, const char *wanted)
{
    struct error error = {0};
    cr_assert(load(yaml, overrides, &error), "%s", error.text);
    cr_expect(eq(str, value, wanted));
}

Test(settings_properties, from_a_file)
{
    expect(NULL, NULL, "");
    expect("some: {list: {a.b: c, d: 1}}\n", NULL, "\nd=1\na.b=c");
    expect("some:\n  list:\n    a:\n      b: c\n", NULL, "\na.b=c");
    expect("some: {list: 'a=b,c=d'}\n", NULL, "\na=b,c=d");
    expect("some: {list: {a: 'x,y\\z'}}\n", NULL, "\na=x\\,y\\\\z");
    expect("some:\n  list:\n    pem: |-\n      one\n      two\n", NULL, "\npem=one\\\ntwo");
}

Test(settings_properties, what_counts_more_comes_later)
{
    static const struct setting_override overrides[] = {{"T_LIST", "a=4"}, {0}};
    setenv("T_LIST", "a=2", 1);
    setenv("T_LIST_FILE", temp_file("a=3\nb=3\n"), 1);
    expect(NULL, NULL, "a=2\na=3\nb=3");
    expect(NULL, overrides, "a=2\na=3\nb=3\na=4");
    unsetenv("T_LIST_FILE");
    expect("some: {list: {a: 1}}\n", overrides, "\na=1\na=2\na=4");
}

Test(settings_properties, wrong_ones_are_named)
{
    struct error error = {0};
    cr_expect(not(load("some: {list: [a, b]}\n", NULL, &error)));
    EXPECT_SAYS(error.text, "some.list");
    cr_expect(not(load("some: {lists: {a: b}}\n", NULL, &error)));
    EXPECT_SAYS(error.text, "some.lists.a");
    setenv("T_LIST_FILE", "/no/such/file", 1);
    cr_expect(not(load(NULL, NULL, &error)));
    EXPECT_SAYS(error.text, "T_LIST_FILE");
    EXPECT_SAYS(error.text, "/no/such/file");
}
