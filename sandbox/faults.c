/*
 * Rules: read from JSON, described as JSON, tried in order.
 */
#include "sandbox/faults.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define DELAY_MAX_MS 3600000
#define HEADER_MAX 1024

struct faults {
    struct fault *items;
    size_t count;
    size_t capacity;
    uint64_t random; /* the state of the generator: the same seed gives the same choices */
};

struct faults *faults_new(void)
{
    struct faults *faults = NEW(struct faults);
    faults->random = 1;
    return faults;
}

void faults_clear(struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        free(faults->items[i].body_text);
        json_decref(faults->items[i].document);
    }
    faults->count = 0;
}

void faults_free(struct faults *faults)
{
    if (!faults) {
        return;
    }
    faults_clear(faults);
    free(faults->items);
    free(faults);
}

/* A rule while it is read. */
struct parse {
    const json_t *document;
    struct fault *fault;
    struct fault_problem *problem;
};

static bool wrong(struct parse *parse, const char *field, const char *message)
{
    *parse->problem = (struct fault_problem){field, message};
    return false;
}

static bool read_number(struct parse *parse, const char *field, int64_t least, int64_t most,
                        const char *message, int64_t *ret_number)
{
    const json_t *value = json_object_get(parse->document, field);
    if (!value) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < least || json_integer_value(value) > most) {
        return wrong(parse, field, message);
    }
    *ret_number = json_integer_value(value);
    return true;
}

static bool read_kind(struct parse *parse)
{
    static const char *const names[] = {"status", "delay", "hang", "reset"};
    const char *kind = json_string_value(json_object_get(parse->document, "kind"));
    for (size_t i = 0; kind && i < COUNT_OF(names); i++) {
        if (strcmp(kind, names[i]) == 0) {
            parse->fault->kind = (enum fault_kind)i;
            return true;
        }
    }
    return wrong(parse, "kind", "must be one of status, delay, hang, reset");
}

/* "response" is a moment only for people: the request was whole, the answer is not. */
static bool read_at(struct parse *parse)
{
    static const char *const names[] = {"before", "during", "after", "response"};
    const json_t *value = json_object_get(parse->document, "at");
    parse->fault->moment = FAULT_AFTER;
    const char *at = json_string_value(value);
    if (!value || (at && strcmp(at, "after") == 0)) {
        return true;
    }
    if (parse->fault->kind != FAULT_RESET) {
        return wrong(parse, "at", "can be other than after for kind reset only");
    }
    for (size_t i = 0; at && i < COUNT_OF(names); i++) {
        if (strcmp(at, names[i]) == 0) {
            parse->fault->moment = i == COUNT_OF(names) - 1 ? FAULT_AFTER : (enum fault_moment)i;
            parse->fault->kind = i == COUNT_OF(names) - 1 ? FAULT_CUT : FAULT_RESET;
            return true;
        }
    }
    return wrong(parse, "at", "must be one of before, during, after, response");
}

static bool read_status(struct parse *parse)
{
    int64_t status = 0;
    if (!read_number(parse, "status", 200, 599, "must be a status from 200 to 599", &status)) {
        return false;
    }
    if (status != 0 && parse->fault->kind != FAULT_STATUS) {
        return wrong(parse, "status", "is for kind status only");
    }
    if (status == 0 && parse->fault->kind == FAULT_STATUS) {
        return wrong(parse, "status", "is required for kind status");
    }
    parse->fault->status = (int)status;
    return true;
}

static bool read_delay(struct parse *parse)
{
    struct fault *fault = parse->fault;
    if (!read_number(parse, "delayMs", 0, DELAY_MAX_MS, "must be a whole number from 0 to 3600000",
                     &fault->delay_ms)) {
        return false;
    }
    if (fault->kind == FAULT_DELAY && fault->delay_ms == 0) {
        return wrong(parse, "delayMs", "is required for kind delay");
    }
    if (fault->delay_ms > 0 && (fault->kind == FAULT_HANG || fault->moment != FAULT_AFTER)) {
        return wrong(parse, "delayMs", "needs a fault that comes with or instead of the answer");
    }
    return true;
}

static bool read_accept(struct parse *parse)
{
    struct fault *fault = parse->fault;
    const json_t *value = json_object_get(parse->document, "accept");
    if (value && !json_is_boolean(value)) {
        return wrong(parse, "accept", "must be true or false");
    }
    if (fault->moment != FAULT_AFTER) {
        return json_is_true(value) ? wrong(parse, "accept", "cannot be true before the request is whole")
                                   : true;
    }
    fault->accept = fault->kind != FAULT_STATUS || fault->status < 300;
    if (value) {
        fault->accept = json_is_true(value);
    }
    if (!fault->accept && fault->kind == FAULT_DELAY) {
        return wrong(parse, "accept", "cannot be false for kind delay, whose answer is 202");
    }
    return true;
}

static bool read_chance(struct parse *parse)
{
    struct fault *fault = parse->fault;
    const json_t *probability = json_object_get(parse->document, "probability");
    fault->probability = probability ? json_number_value(probability) : 1;
    if ((probability && !json_is_number(probability)) || fault->probability < 0 || fault->probability > 1) {
        return wrong(parse, "probability", "must be a number from 0 to 1");
    }
    fault->times_left = -1;
    return read_number(parse, "times", 1, INT64_MAX, "must be a whole number from 1 on", &fault->times_left);
}

static bool read_match(struct parse *parse)
{
    const json_t *value = json_object_get(parse->document, "match");
    if (value && json_string_length(value) == 0) {
        return wrong(parse, "match", "must be a part of the recipient's address");
    }
    if (value && parse->fault->moment != FAULT_AFTER) {
        return wrong(parse, "match", "needs the body: not for a reset before or during it");
    }
    parse->fault->match = json_string_value(value);
    return true;
}

static bool read_body(struct parse *parse)
{
    struct fault *fault = parse->fault;
    const json_t *value = json_object_get(parse->document, "body");
    if (!value) {
        return true;
    }
    if (fault->kind != FAULT_STATUS && fault->kind != FAULT_CUT) {
        return wrong(parse, "body", "is for kind status and for a reset at response only");
    }
    fault->body_is_json = !json_is_string(value);
    if (fault->body_is_json) {
        fault->body_text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    }
    fault->body = fault->body_is_json ? fault->body_text : json_string_value(value);
    return true;
}

static bool read_headers(struct parse *parse)
{
    const json_t *headers = json_object_get(parse->document, "headers");
    if (!headers) {
        return true;
    }
    if (parse->fault->kind != FAULT_STATUS) {
        return wrong(parse, "headers", "is for kind status only");
    }
    if (!json_is_object(headers) || json_object_size(headers) > FAULT_HEADERS_MAX) {
        return wrong(parse, "headers", "must be an object with up to 16 headers");
    }
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)headers, name, value) {
        const char *text = json_string_value(value);
        if (!text || strlen(text) > HEADER_MAX || strpbrk(text, "\r\n") || !*name ||
            strpbrk(name, "\r\n :")) {
            return wrong(parse, "headers",
                         "must have names without spaces and colons, and strings as values");
        }
    }
    parse->fault->headers = headers;
    return true;
}

static bool read_unknown(struct parse *parse)
{
    static const char *const known[] = {"kind",   "status",      "body",  "headers", "delayMs", "at",
                                        "accept", "probability", "times", "match",   "seed"};
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)parse->document, name, value) {
        bool found = false;
        for (size_t i = 0; i < COUNT_OF(known); i++) {
            found = found || strcmp(name, known[i]) == 0;
        }
        if (!found) {
            return wrong(parse, name, "is not a member of a rule");
        }
    }
    return true;
}

static bool parse_fault(struct parse *parse)
{
    if (!json_is_object(parse->document)) {
        return wrong(parse, "body", "must be a JSON object");
    }
    return read_unknown(parse) && read_kind(parse) && read_at(parse) && read_status(parse) &&
           read_delay(parse) && read_accept(parse) && read_chance(parse) && read_match(parse) &&
           read_headers(parse) && read_body(parse);
}

bool faults_add(struct faults *faults, json_t *document, struct fault_problem *ret_problem)
{
    struct fault fault = {0};
    struct parse parse = {.document = document, .fault = &fault, .problem = ret_problem};
    int64_t seed = 0;
    if (!parse_fault(&parse) ||
        !read_number(&parse, "seed", 1, INT64_MAX, "must be a whole number from 1 on", &seed)) {
        free(fault.body_text);
        return false;
    }
    if (seed != 0) {
        faults->random = (uint64_t)seed;
    }
    fault.document = json_incref(document);
    if (faults->count == faults->capacity) {
        faults->capacity = faults->capacity ? faults->capacity * 2 : 16;
        faults->items = memory_resize(faults->items, faults->capacity * sizeof *faults->items);
    }
    faults->items[faults->count++] = fault;
    return true;
}

json_t *faults_describe(const struct faults *faults)
{
    json_t *list = json_array();
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->items[i];
        json_t *item = json_copy(fault->document);
        json_object_set_new(item, "accept", json_boolean(fault->accept));
        json_object_set_new(item, "applied", json_integer(fault->applied));
        json_array_append_new(list, item);
    }
    json_t *document = json_object();
    json_object_set_new(document, "faults", list);
    return document;
}

/* From 0 to less than 1 (splitmix64). */
static double draw(struct faults *faults)
{
    uint64_t bits = faults->random += 0x9e3779b97f4a7c15U;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebU;
    return (double)((bits ^ (bits >> 31)) >> 11) / (double)((uint64_t)1 << 53);
}

static bool applies(struct faults *faults, const struct fault *fault, enum fault_moment moment,
                    const char *recipient)
{
    if (fault->moment != moment || fault->times_left == 0 ||
        (fault->match && !strstr(recipient, fault->match))) {
        return false;
    }
    return fault->probability >= 1 || draw(faults) < fault->probability;
}

const struct fault *faults_strike(struct faults *faults, enum fault_moment moment, const char *recipient)
{
    for (size_t i = 0; i < faults->count; i++) {
        struct fault *fault = &faults->items[i];
        if (applies(faults, fault, moment, recipient)) {
            fault->times_left -= fault->times_left > 0;
            fault->applied++;
            return fault;
        }
    }
    return NULL;
}
