/*
 * mask.h - people's addresses made unreadable in text that others wrote: providers, PostgreSQL.
 *
 *   anna@example.com     a***@e***.com
 *   +4915112345678       +49*********78
 */
#ifndef BASE_MASK_H
#define BASE_MASK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies `text` into `ret` (cut to `size`), with e-mail addresses masked, and phone numbers that begin with
 * '+'. `bare_numbers`: also numbers of 8 to 15 digits that stand alone, as some providers repeat a recipient;
 * they may be something else as well, such as an offset or an id.
 */
void mask_text(const char *text, bool bare_numbers, char *ret, size_t size);

#endif
