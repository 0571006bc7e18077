#include "schemas/events.h"

#include <string.h>

/* The next name of a list, which then goes on behind its comma, or is NULL. */
static struct text next_name(const char **list)
{
    const char *name = *list;
    const char *comma = strchr(name, ',');
    *list = comma ? comma + 1 : NULL;
    return (struct text){name, comma ? (size_t)(comma - name) : strlen(name)};
}

bool events_check(const struct config *config, struct error *error)
{
    if (strcmp(config->events, "all") == 0 || events_are_off(config)) {
        return true;
    }
    for (const char *list = config->events; list;) {
        const struct text name = next_name(&list);
        enum state state;
        if (!state_find(name, &state)) {
            return error_set(error,
                             "OUTBOUND_EVENTS: \"%.*s\" is not a status; give all, off, or statuses "
                             "separated by commas",
                             (int)name.length, name.bytes);
        }
    }
    return true;
}

bool events_are_off(const struct config *config)
{
    return strcmp(config->events, "off") == 0;
}

bool events_want(const struct config *config, enum state state)
{
    if (strcmp(config->events, "all") == 0) {
        return true;
    }
    for (const char *list = config->events; list;) {
        if (text_is(next_name(&list), state_name(state))) {
            return true;
        }
    }
    return false;
}

void events_param(const struct config *config, struct pg_params *params)
{
    pg_array_begin(params, PG_TEXT);
    for (int i = 0; i < STATE_COUNT; i++) {
        if (events_want(config, (enum state)i)) {
            pg_array_text(params, state_name((enum state)i));
        }
    }
    pg_array_end(params);
}
