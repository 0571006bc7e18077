/*
 * address.h - recipient addresses.
 */
#ifndef SCHEMAS_ADDRESS_H
#define SCHEMAS_ADDRESS_H

#include <stddef.h>

/*
 * NULL when `text` is an e-mail address that every provider takes: local part and domain of RFC 5321
 * (sections 4.1.2, 4.5.3.1) in ASCII, without quoting, comments or address literals, the domain with at least
 * one dot. Otherwise what is wrong, as the end of a sentence.
 */
const char *address_check_email(const char *text, size_t length);

/* The same for a phone number in E.164: "+", then 8 to 15 digits of which the first is not 0. */
const char *address_check_phone(const char *text, size_t length);

#endif
