#include "base/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/buffer.h"
#include "base/memory.h"

#define SECRET_SIZE_MAX 65536
#define PROPERTIES_SIZE_MAX ((size_t)4 * SECRET_SIZE_MAX)
#define YAML_DEPTH_MAX 8

/* One scalar of the YAML file, its key flattened: kafka.brokers. */
struct yaml_value {
    struct yaml_value *next;
    char *key;
    char *text;
    size_t line;
};

static void yaml_values_free(struct yaml_value *values)
{
    while (values) {
        struct yaml_value *next = values->next;
        free(values->key);
        free(values->text);
        free(values);
        values = next;
    }
}

static bool yaml_add(const yaml_node_t *node, const char *key, struct yaml_value **values,
                     struct error *error)
{
    const size_t line = node->start_mark.line + 1;
    const char *text = (const char *)node->data.scalar.value;
    if (strlen(text) != node->data.scalar.length) {
        return error_set(error, "line %zu: the value of \"%s\" has a NUL", line, key);
    }
    for (const struct yaml_value *value = *values; value; value = value->next) {
        if (strcmp(value->key, key) == 0) {
            return error_set(error, "line %zu: \"%s\" is in line %zu already", line, key, value->line);
        }
    }
    struct yaml_value *value = NEW(struct yaml_value);
    *value = (struct yaml_value){
        .next = *values, .key = memory_strdup(key), .text = memory_strdup(text), .line = line};
    *values = value;
    return true;
}

static bool yaml_flatten(yaml_document_t *document, int node_index, const char *prefix, int depth,
                         struct yaml_value **values, struct error *error)
{
    yaml_node_t *node = yaml_document_get_node(document, node_index);
    const size_t line = node->start_mark.line + 1;
    if (node->type == YAML_SCALAR_NODE) {
        return yaml_add(node, prefix, values, error);
    }
    if (node->type != YAML_MAPPING_NODE || depth == YAML_DEPTH_MAX) {
        return error_set(error, "line %zu: \"%s\" must be a value or a mapping", line, prefix);
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
         pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);
        if (key->type != YAML_SCALAR_NODE) {
            return error_set(error, "line %zu: a key must be a word", key->start_mark.line + 1);
        }
        char path[256];
        const int length = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "",
                                    (const char *)key->data.scalar.value);
        if (length >= (int)sizeof path) {
            return error_set(error, "line %zu: a key is too long", key->start_mark.line + 1);
        }
        if (!yaml_flatten(document, pair->value, path, depth + 1, values, error)) {
            return false;
        }
    }
    return true;
}

/* The next document of the file; `ret_values` NULL: there should be none. */
static bool yaml_take(yaml_parser_t *parser, struct yaml_value **ret_values, struct error *error)
{
    yaml_document_t document;
    if (!yaml_parser_load(parser, &document)) {
        return error_set(error, "line %zu: %s", parser->problem_mark.line + 1,
                         parser->problem ? parser->problem : "not YAML");
    }
    bool fine = true;
    if (yaml_document_get_root_node(&document)) {
        fine = ret_values ? yaml_flatten(&document, 1, "", 0, ret_values, error)
                          : error_set(error, "line %zu: a second document begins, where one is read",
                                      document.start_mark.line + 1);
    }
    yaml_document_delete(&document);
    return fine;
}

static bool yaml_parse(FILE *file, struct yaml_value **ret_values, struct error *error)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return error_set(error, "out of memory");
    }
    yaml_parser_set_input_file(&parser, file);
    const bool fine = yaml_take(&parser, ret_values, error) && yaml_take(&parser, NULL, error);
    yaml_parser_delete(&parser);
    return fine;
}

static bool yaml_read(const char *path, struct yaml_value **ret_values, struct error *error)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        return error_set(error, "cannot read the configuration file %s: %s", path, strerror(errno));
    }
    struct error inner;
    const bool fine = yaml_parse(file, ret_values, &inner);
    (void)fclose(file);
    return fine || error_set(error, "%s: %s", path, inner.text);
}

/* The name of a property within its setting's mapping; NULL when `value` is none. */
static const char *property_name(const struct setting *setting, const struct yaml_value *value)
{
    const size_t length = strlen(setting->key);
    return setting->kind == SETTING_PROPERTIES && strncmp(value->key, setting->key, length) == 0 &&
                   value->key[length] == '.'
               ? value->key + length + 1
               : NULL;
}

static bool is_of(const struct setting *setting, const struct yaml_value *value)
{
    return setting->key && (strcmp(setting->key, value->key) == 0 || property_name(setting, value));
}

static bool yaml_keys_known(const struct setting *table, size_t count, const struct yaml_value *values,
                            const char *path, struct error *error)
{
    for (const struct yaml_value *value = values; value; value = value->next) {
        bool known = false;
        for (size_t i = 0; i < count && !known; i++) {
            known = is_of(&table[i], value);
        }
        if (!known) {
            return error_set(error, "%s: line %zu: there is no setting \"%s\"", path, value->line,
                             value->key);
        }
    }
    return true;
}

static bool read_secret_file(const char *name, const char *path, char **ret_text, struct error *error)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        return error_set(error, "%s_FILE: cannot read %s: %s", name, path, strerror(errno));
    }
    char *text = memory_new(SECRET_SIZE_MAX + 2);
    size_t length = fread(text, 1, SECRET_SIZE_MAX + 1, file);
    const int failure = ferror(file) ? errno : 0; /* a folder can be opened, but not read */
    (void)fclose(file);
    if (failure || length > SECRET_SIZE_MAX || strlen(text) != length) {
        free(text);
        return failure ? error_set(error, "%s_FILE: cannot read %s: %s", name, path, strerror(failure))
                       : error_set(error, "%s_FILE: %s has more than %d bytes, or a NUL among them", name,
                                   path, SECRET_SIZE_MAX);
    }
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r')) {
        length--; /* only at the end: a secret may have several lines */
    }
    text[length] = '\0';
    *ret_text = text;
    return true;
}

/* Where a value was found, for the error. */
struct found {
    char *text;
    char origin[320];
};

static const char *override_of(const struct setting *setting, const struct settings_source *source)
{
    for (const struct setting_override *over = source->overrides; over && over->name; over++) {
        if (strcmp(over->name, setting->name) == 0) {
            return over->value;
        }
    }
    return NULL;
}

static bool find_value(const struct setting *setting, const struct settings_source *source,
                       const struct yaml_value *yaml, struct found *ret_found, struct error *error)
{
    (void)snprintf(ret_found->origin, sizeof ret_found->origin, "%s", setting->name);
    const char *override = override_of(setting, source);
    if (override) {
        ret_found->text = memory_strdup(override);
        return true;
    }
    const char *variable = getenv(setting->name);
    if (setting->kind == SETTING_SECRET) {
        char file_variable[128];
        (void)snprintf(file_variable, sizeof file_variable, "%s_FILE", setting->name);
        const char *path = getenv(file_variable);
        if (path && variable) {
            return error_set(error, "%s and %s are both set: use one", setting->name, file_variable);
        }
        if (path) {
            return read_secret_file(setting->name, path, &ret_found->text, error);
        }
    }
    if (variable) {
        ret_found->text = memory_strdup(variable);
        return true;
    }
    for (const struct yaml_value *value = yaml; value; value = value->next) {
        if (strcmp(value->key, setting->key) == 0) {
            ret_found->text = memory_strdup(value->text);
            (void)snprintf(ret_found->origin, sizeof ret_found->origin, "%s (%s in %s)", setting->name,
                           setting->key, source->yaml_path);
            return true;
        }
    }
    ret_found->text = memory_strdup(setting->initial);
    return true;
}

static void append_escaped(struct buffer *text, const char *value)
{
    for (; *value; value++) {
        buffer_append(text, "\\", strchr(",\n\\", *value) ? 1 : 0);
        buffer_append(text, value, 1);
    }
}

/* Later lines count more: the file first, then the variable, then the file that NAME_FILE names. */
static bool gather_properties(const struct setting *setting, const struct settings_source *source,
                              const struct yaml_value *yaml, struct found *ret_found, struct error *error)
{
    (void)snprintf(ret_found->origin, sizeof ret_found->origin, "%s", setting->name);
    struct buffer text;
    buffer_init(&text, PROPERTIES_SIZE_MAX);
    buffer_text(&text, setting->initial);
    for (const struct yaml_value *value = yaml; value; value = value->next) {
        const char *name = property_name(setting, value);
        if (name) {
            buffer_format(&text, "\n%s=", name);
            append_escaped(&text, value->text);
        } else if (is_of(setting, value)) {
            buffer_format(&text, "\n%s", value->text);
        }
    }
    const char *variable = getenv(setting->name);
    char file_variable[128];
    (void)snprintf(file_variable, sizeof file_variable, "%s_FILE", setting->name);
    const char *path = getenv(file_variable);
    char *secret = NULL;
    const bool fine = !path || read_secret_file(setting->name, path, &secret, error);
    const char *parts[] = {variable, secret, override_of(setting, source)};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i]) {
            buffer_format(&text, "%s%s", text.length > 0 ? "\n" : "", parts[i]);
        }
    }
    free(secret);
    if (fine && !text.overflow) {
        ret_found->text = memory_strdup(text.length > 0 ? text.bytes : "");
    }
    const bool fits = !text.overflow;
    buffer_release(&text);
    return fine &&
           (fits || error_set(error, "%s: is longer than %zu bytes", setting->name, PROPERTIES_SIZE_MAX));
}

static bool is_choice(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    if (strchr(text, '|')) {
        return false;
    }
    for (const char *choice = choices; choice; choice = strchr(choice, '|')) {
        choice += *choice == '|';
        if (strncmp(choice, text, length) == 0 && (choice[length] == '|' || choice[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool store_int(const struct setting *setting, const struct found *found, int64_t *ret_value,
                      struct error *error)
{
    char *end;
    errno = 0;
    const long long value = strtoll(found->text, &end, 10);
    if (end == found->text || *end || errno) {
        return error_set(error, "%s: \"%s\" is not a whole number", found->origin, found->text);
    }
    if (value < setting->min || value > setting->max) {
        return error_set(error, "%s: %lld is not between %lld and %lld", found->origin, value,
                         (long long)setting->min, (long long)setting->max);
    }
    *ret_value = value;
    return true;
}

static bool store(const struct setting *setting, struct found *found, void *at, struct error *error)
{
    switch (setting->kind) {
    case SETTING_INT:
        return store_int(setting, found, at, error);
    case SETTING_BOOL:
        if (strcmp(found->text, "true") != 0 && strcmp(found->text, "false") != 0) {
            return error_set(error, "%s: \"%s\" is neither true nor false", found->origin, found->text);
        }
        *(bool *)at = *found->text == 't';
        return true;
    case SETTING_CHOICE:
        if (!is_choice(setting->choices, found->text)) {
            return error_set(error, "%s: \"%s\" is none of %s", found->origin, found->text,
                             setting->choices + (*setting->choices == '|'));
        }
        break;
    default:
        break;
    }
    *(const char **)at = found->text;
    found->text = NULL;
    return true;
}

static bool is_string(enum setting_kind kind)
{
    return kind == SETTING_TEXT || kind == SETTING_SECRET || kind == SETTING_PROPERTIES ||
           kind == SETTING_CHOICE;
}

void settings_release(const struct setting *table, size_t count, void *values)
{
    for (size_t i = 0; i < count; i++) {
        if (is_string(table[i].kind)) {
            char **string = (char **)(void *)((char *)values + table[i].offset);
            free(*string);
            *string = NULL;
        }
    }
}

bool settings_load(const struct setting *table, size_t count, const struct settings_source *source,
                   void *ret_values, struct error *error)
{
    struct yaml_value *yaml = NULL;
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        if (is_string(table[i].kind)) {
            *(char **)(void *)((char *)ret_values + table[i].offset) = NULL;
        }
    }
    if (source->yaml_path) {
        fine = yaml_read(source->yaml_path, &yaml, error) &&
               yaml_keys_known(table, count, yaml, source->yaml_path, error);
    }
    for (size_t i = 0; fine && i < count; i++) {
        if (table[i].kind == SETTING_SECTION) {
            continue;
        }
        struct found found = {0};
        fine =
            (table[i].kind == SETTING_PROPERTIES ? gather_properties(&table[i], source, yaml, &found, error)
                                                 : find_value(&table[i], source, yaml, &found, error)) &&
            store(&table[i], &found, (char *)ret_values + table[i].offset, error);
        free(found.text);
    }
    yaml_values_free(yaml);
    if (!fine) {
        settings_release(table, count, ret_values);
    }
    return fine;
}

static void describe_range(const struct setting *setting, char *ret_text, size_t size)
{
    switch (setting->kind) {
    case SETTING_INT:
        (void)snprintf(ret_text, size, "%lld to %lld", (long long)setting->min, (long long)setting->max);
        break;
    case SETTING_BOOL:
        (void)snprintf(ret_text, size, "true or false");
        break;
    case SETTING_CHOICE:
        (void)snprintf(ret_text, size, "%s", setting->choices + (*setting->choices == '|'));
        break;
    case SETTING_SECRET:
        (void)snprintf(ret_text, size, "secret");
        break;
    case SETTING_PROPERTIES:
        (void)snprintf(ret_text, size, "properties; secret");
        break;
    default:
        (void)snprintf(ret_text, size, "text");
    }
}

void settings_print_help(const struct setting *table, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct setting *setting = &table[i];
        if (setting->kind == SETTING_SECTION) {
            (void)fprintf(out, "\n%s\n", setting->help);
            continue;
        }
        char range[160];
        describe_range(setting, range, sizeof range);
        (void)fprintf(out, "  %s (%s; default: %s)\n      %s\n", setting->name, range,
                      *setting->initial ? setting->initial : "empty", setting->help);
    }
}

void settings_print_values(const struct setting *table, size_t count, const void *values, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const void *at = (const char *)values + table[i].offset;
        switch (table[i].kind) {
        case SETTING_SECTION:
            break;
        case SETTING_INT:
            (void)fprintf(out, "%s=%lld\n", table[i].name, (long long)*(const int64_t *)at);
            break;
        case SETTING_BOOL:
            (void)fprintf(out, "%s=%s\n", table[i].name, *(const bool *)at ? "true" : "false");
            break;
        case SETTING_SECRET:
        case SETTING_PROPERTIES:
            (void)fprintf(out, "%s=%s\n", table[i].name, **(const char *const *)at ? "********" : "");
            break;
        default:
            (void)fprintf(out, "%s=%s\n", table[i].name, *(const char *const *)at);
        }
    }
}

void settings_print_markdown(const struct setting *table, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct setting *setting = &table[i];
        if (setting->kind == SETTING_SECTION) {
            (void)fprintf(
                out,
                "\n## %s\n\n| variable | YAML key | default | values | meaning |\n|---|---|---|---|---|\n",
                setting->help);
            continue;
        }
        char range[160];
        describe_range(setting, range, sizeof range);
        for (char *bar; (bar = strchr(range, '|'));) {
            *bar = '/';
        }
        (void)fprintf(out, "| `%s` | `%s` | %s%s%s | %s | %s |\n", setting->name, setting->key,
                      *setting->initial ? "`" : "", setting->initial, *setting->initial ? "`" : "", range,
                      setting->help);
    }
}
