#include "base/mask.h"

#include <string.h>

#define PHONE_DIGITS_MIN 7
#define PHONE_DIGITS_MAX 15 /* E.164 */
#define BARE_DIGITS_MIN 8

struct output {
    char *text;
    size_t length;
    size_t size;
};

static void put(struct output *output, const char *bytes, size_t length)
{
    const size_t room = output->size - 1 - output->length;
    const size_t taken = length < room ? length : room;
    memcpy(output->text + output->length, bytes, taken);
    output->length += taken;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter_or_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

/* Of an address without quotes (RFC 5321, section 4.1.2, atext), and what else mail servers take. */
static bool is_local(char c)
{
    return is_letter_or_digit(c) || (c && strchr(".!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_domain(char c)
{
    return is_letter_or_digit(c) || (c && strchr(".-*", c)); /* '*': what is masked stays as it is */
}

/* The first byte of the address whose '@' is at `at`; `from` is as far back as it may reach. */
static const char *local_part(const char *from, const char *at)
{
    const char *first = at;
    if (first > from && first[-1] == '"') {
        const char *quote = first - 1;
        while (quote > from && *--quote != '"') {
        }
        return *quote == '"' ? quote : first - 1;
    }
    while (first > from && is_local(first[-1])) {
        first--;
    }
    return first;
}

/* The bytes of the UTF-8 character at `text`, or 1: half a character is never shown. */
static size_t character(const char *text)
{
    size_t length = 1;
    while ((text[length] & 0xc0) == 0x80) {
        length++;
    }
    return length;
}

static const char *domain_end(const char *domain)
{
    const char *end = domain;
    while (is_domain(*end)) {
        end++;
    }
    while (end > domain && (end[-1] == '.' || end[-1] == '-')) {
        end--; /* the full stop of a sentence */
    }
    return end;
}

static void put_address(struct output *output, const char *local, const char *domain, const char *end)
{
    put(output, local, *local == '"' || *local == '*' ? 0 : character(local));
    put(output, "***@", 4);
    put(output, domain, character(domain));
    put(output, "***", 3);
    const char *dot = end - 1;
    while (dot > domain && *dot != '.') {
        dot--;
    }
    if (dot > domain) {
        put(output, dot, (size_t)(end - dot));
    }
}

/*
 * The end of the number that begins at `text`, which may have separators; NULL: there is none. Other numbers
 * may follow: it ends with the last group of digits that still fits.
 */
static const char *number_end(const char *text, bool separated, size_t least)
{
    size_t digits = 0;
    const char *end = NULL;
    for (const char *at = text; digits <= PHONE_DIGITS_MAX; at++) {
        if (is_digit(*at)) {
            digits++;
            const bool fits = digits >= least && digits <= PHONE_DIGITS_MAX;
            end = fits && !is_letter_or_digit(at[1]) ? at + 1 : end;
        } else if (!*at || !separated || !strchr(" -.()/", *at)) {
            break;
        }
    }
    return end;
}

/* Whether a number may begin behind `c`, and is not the rest of an id. */
static bool stands_alone(char c)
{
    return !is_letter_or_digit(c) && c != '-' && c != '_' && c != '+';
}

/* The first two and the last two digits stay. */
static void put_number(struct output *output, const char *number, const char *end)
{
    size_t digits = 0;
    size_t count = 0;
    for (const char *at = number; at < end; at++) {
        count += is_digit(*at);
    }
    for (const char *at = number; at < end; at++) {
        digits += is_digit(*at);
        const bool hidden = is_digit(*at) && digits > 2 && digits + 2 <= count;
        put(output, hidden ? "*" : at, 1);
    }
}

void mask_text(const char *text, bool bare_numbers, char *ret, size_t size)
{
    struct output output = {.text = ret, .size = size};
    const char *copied = text; /* up to here it is in `ret` */
    for (const char *at = text; *at;) {
        const char *first = at;
        const char *end = NULL;
        if (*at == '@') {
            first = local_part(copied, at);
            end = domain_end(at + 1);
            end = first < at && end > at + 1 ? end : NULL;
        } else if (*at == '+') {
            end = number_end(at + 1, true, PHONE_DIGITS_MIN);
        } else if (bare_numbers && is_digit(*at) && (at == text || stands_alone(at[-1]))) {
            end = number_end(at, false, BARE_DIGITS_MIN);
        }
        if (!end) {
            at++;
            continue;
        }
        put(&output, copied, (size_t)(first - copied));
        if (*at == '@') {
            put_address(&output, first, at + 1, end);
        } else {
            put_number(&output, first, end);
        }
        copied = at = end;
    }
    put(&output, copied, strlen(copied));
    ret[output.length] = '\0';
}
