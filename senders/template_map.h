/*
 * template_map.h - settings such as SENDGRID_TEMPLATES: pairs templateCode=id, separated by commas.
 *
 * The code "*" stands for every code that has no pair of its own.
 */
#ifndef SENDERS_TEMPLATE_MAP_H
#define SENDERS_TEMPLATE_MAP_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

/* The next pair; moves *list behind it. What has no "=" comes as a code with an empty id. False at the end.
 */
bool template_map_next(const char **list, struct text *ret_code, struct text *ret_id);

/*
 * Whether each pair has a code and an id that the provider can have. False, naming the setting, the pair and
 * the form that it needs.
 */
bool template_map_check(const char *setting, const char *list, bool (*is_id)(struct text id),
                        const char *form, struct error *error);

/* The provider's id for a code. False when there is none. */
bool template_map_find(const char *list, const char *template_code, struct text *ret_id);

#endif
