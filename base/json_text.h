/*
 * json_text.h - looks into JSON text where a parsed tree is not enough.
 *
 * The text of a member byte for byte (a parser would rewrite its numbers), the depth before a parser
 * recurses, and the member in which a parser stumbled. All of it works on text that is not valid JSON too:
 * then the answers are best effort, and nothing is read outside of it.
 */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether objects and arrays are nested deeper than `limit`, and at which byte the first one is that is. */
bool json_text_deeper_than(const char *text, size_t length, size_t limit, size_t *ret_position);

/*
 * The text of the value of the top-level object's member `name`, without white space around it. False when
 * there is none. `name` is compared with the key as written: keys with escapes do not match.
 */
bool json_text_member(const char *text, size_t length, const char *name, const char **ret_value,
                      size_t *ret_length);

/* The name of the top-level member that contains byte `position`; false when it is in none. */
bool json_text_member_at(const char *text, size_t length, size_t position, const char **ret_name,
                         size_t *ret_length);

#endif
