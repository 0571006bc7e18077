#include "senders/template_map.h"

#include <criterion/criterion.h>

static void expect_id(const char *list, const char *code, const char *id)
{
    struct text found = {0};
    cr_expect_eq(template_map_find(list, code, &found), id != NULL, "\"%s\" in \"%s\"", code, list);
    if (id) {
        cr_expect(text_is(found, id), "\"%s\" in \"%s\": %.*s", code, list, (int)found.length, found.bytes);
    }
}

Test(template_map, a_code_has_its_id_or_that_of_the_star)
{
    expect_id("", "a", NULL);
    expect_id("a=1", "a", "1");
    expect_id("a=1", "b", NULL);
    expect_id("a=1,b=2", "b", "2");
    expect_id("a=1,b=2", "", NULL);
    expect_id("ab=1", "a", NULL);
    expect_id("a=1", "ab", NULL);
    expect_id("*=0,a=1", "a", "1");
    expect_id("a=1,*=0", "b", "0");
    expect_id("a=x=y", "a", "x=y");
}

Test(template_map, the_list_is_walked_to_its_end_whatever_it_holds)
{
    const char *list = "a=1,b,,=2,";
    static const struct {
        const char *code, *id;
    } expected[] = {{"a", "1"}, {"b", ""}, {"", ""}, {"", "2"}};
    struct text code;
    struct text id;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cr_assert(template_map_next(&list, &code, &id));
        cr_expect(text_is(code, expected[i].code), "%zu", i);
        cr_expect(text_is(id, expected[i].id), "%zu", i);
    }
    cr_expect_not(template_map_next(&list, &code, &id));
}
