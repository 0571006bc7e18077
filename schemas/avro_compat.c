#include "schemas/avro_compat.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/avro_types.h"

#define PATH_SIZE 512
#define DEPTH_MAX 64

/* Two types that are being compared, and within which comparison. */
struct pair {
    const struct pair *outer;
    struct avro_type reader;
    struct avro_type writer;
    int depth;
};

struct comparison {
    const struct avro_types *reader;
    const struct avro_types *writer;
    avro_compat_fn *report; /* NULL: only counted */
    void *arg;
    size_t count;
    char path[PATH_SIZE];
};

static void compare(struct comparison *all, const struct pair *pair);

PRINTF_LIKE(2, 3) static void incompatible(struct comparison *all, const char *format, ...)
{
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    all->count++;
    if (all->report) {
        all->report(all->arg, all->path, what);
    }
}

/* Compares two parts, whose place is BEFORE NAME BEHIND below the current path. */
static void compare_parts(struct comparison *all, const struct pair *outer, const json_t *reader,
                          const json_t *writer, const char *before, const char *name, const char *behind)
{
    const struct pair pair = {.outer = outer,
                              .reader = avro_types_of(all->reader, reader, &outer->reader),
                              .writer = avro_types_of(all->writer, writer, &outer->writer),
                              .depth = outer->depth + 1};
    const size_t length = strlen(all->path);
    (void)snprintf(all->path + length, sizeof all->path - length, "%s%s%s", before, name, behind);
    compare(all, &pair);
    all->path[length] = '\0';
}

static const char *text_member(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text ? text : "";
}

/* "record outbound.Reference" or "int". */
static const char *describe(const struct avro_type *type, char *ret_text, size_t size)
{
    const bool named =
        type->kind == AVRO_RECORD_TYPE || type->kind == AVRO_ENUM_TYPE || type->kind == AVRO_FIXED_TYPE;
    (void)snprintf(ret_text, size, "%s%s%s", avro_kind_name(type->kind), named ? " " : "",
                   named ? type->name : "");
    return ret_text;
}

/* The unqualified names count; an alias of the reader's is a full name, in the reader's namespace unless it
 * has one. */
static bool names_match(const struct avro_type *reader, const struct avro_type *writer)
{
    bool match = strcmp(avro_unqualified(reader->name), avro_unqualified(writer->name)) == 0;
    size_t i;
    json_t *alias;
    json_array_foreach (json_object_get(reader->json, "aliases"), i, alias) {
        if (json_is_string(alias)) {
            char *full = avro_full_name(json_string_value(alias), NULL, reader->name);
            match = match || strcmp(full, writer->name) == 0;
            free(full);
        }
    }
    return match;
}

/* --- records */

static const json_t *field_named(const json_t *record, const char *name)
{
    size_t i;
    json_t *field;
    json_array_foreach (json_object_get(record, "fields"), i, field) {
        if (strcmp(text_member(field, "name"), name) == 0) {
            return field;
        }
    }
    return NULL;
}

/* By its name, else by an alias that the reader gives it. */
static const json_t *written_field(const json_t *writer, const json_t *field)
{
    const json_t *found = field_named(writer, text_member(field, "name"));
    size_t i;
    json_t *alias;
    json_array_foreach (json_object_get(field, "aliases"), i, alias) {
        if (!found && json_is_string(alias)) {
            found = field_named(writer, json_string_value(alias));
        }
    }
    return found;
}

static void compare_records(struct comparison *all, const struct pair *pair)
{
    size_t i;
    json_t *field;
    json_array_foreach (json_object_get(pair->reader.json, "fields"), i, field) {
        const char *name = text_member(field, "name");
        const json_t *written = written_field(pair->writer.json, field);
        if (written) {
            compare_parts(all, pair, json_object_get(field, "type"), json_object_get(written, "type"), ".",
                          name, "");
        } else if (!json_object_get(field, "default")) {
            const size_t length = strlen(all->path);
            (void)snprintf(all->path + length, sizeof all->path - length, ".%s", name);
            incompatible(all, "is not written, and has no default");
            all->path[length] = '\0';
        }
    }
}

/* --- enums and fixed */

static bool has_symbol(const json_t *symbols, const char *wanted)
{
    size_t i;
    json_t *symbol;
    json_array_foreach (symbols, i, symbol) {
        if (strcmp(json_string_value(symbol), wanted) == 0) {
            return true;
        }
    }
    return false;
}

static void compare_enums(struct comparison *all, const struct pair *pair)
{
    const json_t *known = json_object_get(pair->reader.json, "symbols");
    size_t i;
    json_t *symbol;
    if (json_object_get(pair->reader.json, "default")) {
        return;
    }
    json_array_foreach (json_object_get(pair->writer.json, "symbols"), i, symbol) {
        if (!has_symbol(known, json_string_value(symbol))) {
            incompatible(all, "has no symbol %s, and no default", json_string_value(symbol));
        }
    }
}

static void compare_fixed(struct comparison *all, const struct pair *pair)
{
    const json_int_t reads = json_integer_value(json_object_get(pair->reader.json, "size"));
    const json_int_t written = json_integer_value(json_object_get(pair->writer.json, "size"));
    if (reads != written) {
        incompatible(all, "has a size of %lld, written is %lld", (long long)reads, (long long)written);
    }
}

/* --- unions */

static size_t count_incompatible(const struct comparison *all, const struct pair *pair)
{
    struct comparison trial = *all;
    trial.report = NULL;
    trial.count = 0;
    compare(&trial, pair);
    return trial.count;
}

/* One branch must read what was written. If none does, one of the same kind shows why. */
static void compare_with_branches(struct comparison *all, const struct pair *pair)
{
    struct pair nearest = {.outer = NULL};
    size_t i;
    json_t *branch;
    json_array_foreach (pair->reader.json, i, branch) {
        const struct pair one = {.outer = pair,
                                 .reader = avro_types_of(all->reader, branch, &pair->reader),
                                 .writer = pair->writer,
                                 .depth = pair->depth + 1};
        if (count_incompatible(all, &one) == 0) {
            return;
        }
        if (one.reader.kind == one.writer.kind) {
            nearest = one;
        }
    }
    if (nearest.outer) {
        compare(all, &nearest);
    } else {
        char written[256];
        incompatible(all, "has no branch that reads %s", describe(&pair->writer, written, sizeof written));
    }
}

/* Any branch may have been written, so each must be read. */
static void compare_written_union(struct comparison *all, const struct pair *pair)
{
    size_t i;
    json_t *branch;
    json_array_foreach (pair->writer.json, i, branch) {
        const struct avro_type written = avro_types_of(all->writer, branch, &pair->writer);
        const struct pair one = {
            .outer = pair, .reader = pair->reader, .writer = written, .depth = pair->depth + 1};
        const size_t length = strlen(all->path);
        (void)snprintf(all->path + length, sizeof all->path - length, "[%s]", avro_kind_name(written.kind));
        compare(all, &one);
        all->path[length] = '\0';
    }
}

/* --- everything */

/* The promotions: int → long → float → double, string ↔ bytes. */
static bool is_promoted(enum avro_kind reader, enum avro_kind writer)
{
    switch (writer) {
    case AVRO_INT_TYPE:
        return reader == AVRO_LONG_TYPE || reader == AVRO_FLOAT_TYPE || reader == AVRO_DOUBLE_TYPE;
    case AVRO_LONG_TYPE:
        return reader == AVRO_FLOAT_TYPE || reader == AVRO_DOUBLE_TYPE;
    case AVRO_FLOAT_TYPE:
        return reader == AVRO_DOUBLE_TYPE;
    case AVRO_STRING_TYPE:
        return reader == AVRO_BYTES_TYPE;
    case AVRO_BYTES_TYPE:
        return reader == AVRO_STRING_TYPE;
    default:
        return false;
    }
}

/* A record that holds itself is compared once: within that comparison the same pair counts as fine. */
static bool is_compared_already(const struct pair *pair)
{
    for (const struct pair *outer = pair->outer; outer; outer = outer->outer) {
        if (outer->reader.json == pair->reader.json && outer->writer.json == pair->writer.json &&
            outer->reader.kind == pair->reader.kind && outer->writer.kind == pair->writer.kind) {
            return true;
        }
    }
    return false;
}

static void compare(struct comparison *all, const struct pair *pair)
{
    const struct avro_type *reader = &pair->reader;
    const struct avro_type *writer = &pair->writer;
    char expected[256];
    char written[256];
    if (writer->kind == AVRO_UNION_TYPE) {
        compare_written_union(all, pair);
    } else if (reader->kind == AVRO_UNION_TYPE) {
        compare_with_branches(all, pair);
    } else if (reader->kind != writer->kind) {
        if (!is_promoted(reader->kind, writer->kind)) {
            incompatible(all, "is %s, written is %s", describe(reader, expected, sizeof expected),
                         describe(writer, written, sizeof written));
        }
    } else if (reader->kind == AVRO_ARRAY_TYPE) {
        compare_parts(all, pair, json_object_get(reader->json, "items"),
                      json_object_get(writer->json, "items"), "[", "", "]");
    } else if (reader->kind == AVRO_MAP_TYPE) {
        compare_parts(all, pair, json_object_get(reader->json, "values"),
                      json_object_get(writer->json, "values"), "{", "", "}");
    } else if (reader->kind < AVRO_RECORD_TYPE) {
        return;
    } else if (!names_match(reader, writer)) {
        incompatible(all, "is %s, written is %s", describe(reader, expected, sizeof expected),
                     describe(writer, written, sizeof written));
    } else if (reader->kind == AVRO_ENUM_TYPE) {
        compare_enums(all, pair);
    } else if (reader->kind == AVRO_FIXED_TYPE) {
        compare_fixed(all, pair);
    } else if (!is_compared_already(pair)) {
        if (pair->depth > DEPTH_MAX) {
            incompatible(all, "is nested too deep to be compared");
        } else {
            compare_records(all, pair);
        }
    }
}

bool avro_compat(const char *reader, const char *writer, avro_compat_fn *report, void *arg, size_t *ret_count,
                 struct error *error)
{
    struct avro_types *reads = NULL;
    struct avro_types *written = NULL;
    struct error why;
    bool fine = avro_types_read(reader, &reads, &why) || error_set(error, "the reader's schema %s", why.text);
    fine = fine &&
           (avro_types_read(writer, &written, &why) || error_set(error, "the writer's schema %s", why.text));
    if (fine) {
        struct comparison all = {.reader = reads, .writer = written, .report = report, .arg = arg};
        const struct pair pair = {.reader = avro_types_root(reads), .writer = avro_types_root(written)};
        (void)snprintf(all.path, sizeof all.path, "%s",
                       *pair.reader.name ? avro_unqualified(pair.reader.name)
                                         : avro_kind_name(pair.reader.kind));
        compare(&all, &pair);
        *ret_count = all.count;
    }
    avro_types_free(reads);
    avro_types_free(written);
    return fine;
}
