#include "base/json_text.h"

#include <string.h>

/* Where a scan of the text is. Brackets inside strings do not count. */
struct scan {
    const char *text;
    size_t length;
    size_t at;
    size_t depth;
};

/* `at` stands on the opening quote; afterwards behind the closing one, or at the end of the text. */
static void skip_string(struct scan *scan)
{
    for (scan->at++; scan->at < scan->length; scan->at++) {
        if (scan->text[scan->at] == '\\') {
            scan->at++;
        } else if (scan->text[scan->at] == '"') {
            scan->at++;
            return;
        }
    }
    scan->at = scan->length;
}

/* Passes one token or one other byte. */
static void step(struct scan *scan)
{
    switch (scan->text[scan->at]) {
    case '"':
        skip_string(scan);
        return;
    case '{':
    case '[':
        scan->depth++;
        break;
    case '}':
    case ']':
        scan->depth -= scan->depth > 0;
        break;
    default:
        break;
    }
    scan->at++;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->length && is_space(scan->text[scan->at])) {
        scan->at++;
    }
}

struct member {
    size_t name_from, name_length;
    size_t value_from, value_to;
};

/* The next member of the top-level object; false at its end. */
static bool next_member(struct scan *scan, struct member *ret_member)
{
    while (scan->at < scan->length && !(scan->depth == 1 && scan->text[scan->at] == '"')) {
        step(scan);
        if (scan->depth == 0 && scan->at > 0 && (scan->text[scan->at - 1] == '}')) {
            return false;
        }
    }
    if (scan->at >= scan->length) {
        return false;
    }
    struct member member = {.name_from = scan->at + 1};
    skip_string(scan);
    const bool closed = scan->at > member.name_from && scan->text[scan->at - 1] == '"';
    member.name_length = scan->at - member.name_from - closed;
    skip_space(scan);
    if (scan->at < scan->length && scan->text[scan->at] == ':') {
        scan->at++;
    }
    skip_space(scan);
    member.value_from = scan->at;
    while (scan->at < scan->length) {
        const char byte = scan->text[scan->at];
        if (scan->depth == 1 && (byte == ',' || byte == '}')) {
            break;
        }
        step(scan);
    }
    member.value_to = scan->at;
    while (member.value_to > member.value_from && is_space(scan->text[member.value_to - 1])) {
        member.value_to--;
    }
    *ret_member = member;
    return true;
}

bool json_text_deeper_than(const char *text, size_t length, size_t limit, size_t *ret_position)
{
    struct scan scan = {.text = text, .length = length};
    while (scan.at < length) {
        step(&scan);
        if (scan.depth > limit) {
            *ret_position = scan.at - 1;
            return true;
        }
    }
    return false;
}

bool json_text_member(const char *text, size_t length, const char *name, const char **ret_value,
                      size_t *ret_length)
{
    struct scan scan = {.text = text, .length = length};
    struct member member;
    while (next_member(&scan, &member)) {
        if (member.name_length == strlen(name) &&
            memcmp(text + member.name_from, name, member.name_length) == 0) {
            *ret_value = text + member.value_from;
            *ret_length = member.value_to - member.value_from;
            return true;
        }
    }
    return false;
}

bool json_text_member_at(const char *text, size_t length, size_t position, const char **ret_name,
                         size_t *ret_length)
{
    struct scan scan = {.text = text, .length = length};
    struct member member;
    while (next_member(&scan, &member)) {
        if (position >= member.name_from && position <= member.value_to) {
            *ret_name = text + member.name_from;
            *ret_length = member.name_length;
            return true;
        }
    }
    return false;
}
