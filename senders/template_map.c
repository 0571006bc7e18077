#include "senders/template_map.h"

#define ANY_TEMPLATE "*"

bool template_map_next(const char **list, struct text *ret_code, struct text *ret_id)
{
    if (**list == '\0') {
        return false;
    }
    const size_t length = strcspn(*list, ",");
    const size_t code_length = strcspn(*list, "=,");
    *ret_code = (struct text){*list, code_length};
    *ret_id = code_length < length ? (struct text){*list + code_length + 1, length - code_length - 1}
                                   : (struct text){*list, 0};
    *list += length + ((*list)[length] == ',');
    return true;
}

bool template_map_check(const char *setting, const char *list, bool (*is_id)(struct text id),
                        const char *form, struct error *error)
{
    struct text code;
    struct text id;
    while (template_map_next(&list, &code, &id)) {
        if (code.length == 0 || !is_id(id)) {
            const size_t length = code.length + (id.length ? 1 + id.length : 0);
            return error_set(error, "%s: \"%.*s\" needs the form %s", setting, (int)length, code.bytes, form);
        }
    }
    return true;
}

bool template_map_find(const char *list, const char *template_code, struct text *ret_id)
{
    struct text code;
    struct text id;
    bool found = false;
    while (template_map_next(&list, &code, &id)) {
        if (text_is(code, template_code)) {
            *ret_id = id;
            return true;
        }
        if (text_is(code, ANY_TEMPLATE)) {
            *ret_id = id;
            found = true;
        }
    }
    return found;
}
