#include "schemas/address.h"

#include <stdbool.h>
#include <string.h>

#define LOCAL_MAX 64    /* RFC 5321, 4.5.3.1.1 */
#define ADDRESS_MAX 254 /* RFC 5321, 4.5.3.1.3: a path has 256 with its brackets */
#define LABEL_MAX 63    /* RFC 1035, 2.3.4 */

static bool is_alphanumeric(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

/* RFC 5322, 3.2.3. */
static bool is_atext(char byte)
{
    return is_alphanumeric(byte) || (byte != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", byte));
}

static const char *check_local(const char *text, size_t length)
{
    if (length == 0 || length > LOCAL_MAX) {
        return "must have 1 to 64 characters before the @";
    }
    for (size_t i = 0; i < length; i++) {
        const bool dot = text[i] == '.' && i > 0 && i + 1 < length && text[i + 1] != '.';
        if (!dot && !is_atext(text[i])) {
            return "has a character before the @ that an e-mail address cannot have there";
        }
    }
    return NULL;
}

static const char *check_domain(const char *text, size_t length)
{
    size_t label = 0;
    bool dotted = false;
    for (size_t i = 0; i < length; i++) {
        const char byte = text[i];
        if (byte == '.') {
            if (label == 0 || text[i - 1] == '-') {
                return "has a domain with an empty or broken label";
            }
            label = 0;
            dotted = true;
            continue;
        }
        if (!is_alphanumeric(byte) && !(byte == '-' && label > 0)) {
            return "has a character in its domain that a domain cannot have (write others as punycode)";
        }
        if (++label > LABEL_MAX) {
            return "has a label in its domain with more than 63 characters";
        }
    }
    if (!dotted || label == 0 || text[length - 1] == '-') {
        return "needs a domain like example.com after the @";
    }
    return NULL;
}

const char *address_check_email(const char *text, size_t length)
{
    if (length > ADDRESS_MAX) {
        return "must have at most 254 characters";
    }
    const char *at = memchr(text, '@', length);
    if (!at) {
        return "is not an e-mail address: it has no @";
    }
    const char *problem = check_local(text, (size_t)(at - text));
    return problem ? problem : check_domain(at + 1, length - (size_t)(at + 1 - text));
}

const char *address_check_phone(const char *text, size_t length)
{
    static const char wanted[] = "must be a phone number in E.164: + and 8 to 15 digits, like +4915112345678";
    if (length < 9 || length > 16 || text[0] != '+' || text[1] == '0') {
        return wanted;
    }
    for (size_t i = 1; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return wanted;
        }
    }
    return NULL;
}
