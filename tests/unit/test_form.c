#include "sandbox/form.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "support/fence.h"

static void parse_fenced(const char *text, size_t length, void *arg)
{
    struct arena arena = {0};
    cr_expect_eq(form_parse(text, length, &arena, arg), true, "%.*s", (int)length, text);
    char kept[2][64];
    struct form *form = arg;
    for (size_t i = 0; i < form->count && i < 2; i++) {
        (void)snprintf(kept[i], sizeof kept[i], "%s=%s", form->fields[i].name, form->fields[i].value);
    }
    cr_expect_str_eq(kept[0], "a b=c+\xc3\xa9 d");
    cr_expect_str_eq(kept[1], "e=");
    arena_release(&arena);
}

Test(form, fields_are_decoded)
{
    struct form form;
    static const char text[] = "a+b=c%2B%c3%A9+d&e";
    fenced(text, sizeof text - 1, parse_fenced, &form);
    cr_expect(eq(sz, form.count, 2));
}

Test(form, an_empty_value_is_none)
{
    struct arena arena = {0};
    struct form form;
    cr_assert(form_parse("a=&b=1&=2", 9, &arena, &form));
    cr_expect_null(form_value(&form, "a"));
    cr_expect_null(form_value(&form, "c"));
    cr_expect_str_eq(form_value(&form, "b"), "1");
    cr_assert(form_parse("", 0, &arena, &form));
    cr_expect(eq(sz, form.count, 0));
    arena_release(&arena);
}

Test(form, what_is_no_text_is_refused)
{
    static const char *const bodies[] = {"a=%00", "%00=a", "a=%ff", "a=\xc3", "a%80=b"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct arena arena = {0};
        struct form form;
        cr_expect_not(form_parse(bodies[i], strlen(bodies[i]), &arena, &form), "%s", bodies[i]);
        arena_release(&arena);
    }
}

Test(form, too_many_fields_are_refused)
{
    struct arena arena = {0};
    struct form form;
    char body[2 * FORM_FIELDS_MAX + 2];
    const size_t most = sizeof body - 2;
    memset(body, '&', sizeof body);
    for (size_t i = 0; i < sizeof body; i += 2) {
        body[i] = 'a';
    }
    cr_expect(form_parse(body, most, &arena, &form));
    cr_expect_not(form_parse(body, most + 1, &arena, &form));
    arena_release(&arena);
}
