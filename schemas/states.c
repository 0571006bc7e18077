#include "schemas/states.h"

#include <stddef.h>

#include "base/attributes.h"

static const struct {
    const char *name;
    const char *help;
} states[] = {
#define STATE(id, help) {#id, help},
#define CHANGE(...)
#include "schemas/states.def"
#undef STATE
#undef CHANGE
};

static const struct {
    enum state from;
    enum state to;
    const char *when;
} changes[] = {
#define STATE(...)
#define CHANGE(from, to, when) {STATE_##from, STATE_##to, when},
#include "schemas/states.def"
#undef STATE
#undef CHANGE
};

const char *state_name(enum state state)
{
    return states[state].name;
}

bool state_find(struct text name, enum state *ret_state)
{
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        if (text_is(name, states[i].name)) {
            *ret_state = (enum state)i;
            return true;
        }
    }
    return false;
}

bool state_may_change(enum state from, enum state to)
{
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        if (changes[i].from == from && changes[i].to == to) {
            return true;
        }
    }
    return false;
}

void states_print_markdown(FILE *out)
{
    (void)fputs("| state | meaning |\n|---|---|\n", out);
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        (void)fprintf(out, "| `%s` | %s |\n", states[i].name, states[i].help);
    }
    (void)fputs("\n| from | to | when |\n|---|---|---|\n", out);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        (void)fprintf(out, "| `%s` | `%s` | %s |\n", state_name(changes[i].from), state_name(changes[i].to),
                      changes[i].when);
    }
}
