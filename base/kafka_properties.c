#include "base/kafka_properties.h"

#include <stdlib.h>
#include <string.h>

#include "base/kafka.h"
#include "base/memory.h"

#define SETTING "KAFKA_PROPERTIES"
#define PREFIX "kafka."
#define BLANK " \t\r"

static const struct {
    const char *name;
    const char *why;
} reserved[] = {
#define RESERVED(property, reason) {(property), (reason)},
#include "base/kafka_reserved.def"
#undef RESERVED
};

const char *kafka_property_reserved(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        if (strcmp(reserved[i].name, name) == 0) {
            return reserved[i].why;
        }
    }
    return NULL;
}

void kafka_properties_print_markdown(FILE *out)
{
    (void)fprintf(out, "| property | why |\n|---|---|\n");
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        (void)fprintf(out, "| `%s` | %s |\n", reserved[i].name, reserved[i].why);
    }
}

static char *trim(char *text)
{
    text += strspn(text, BLANK);
    size_t length = strlen(text);
    while (length > 0 && strchr(BLANK, text[length - 1])) {
        text[--length] = '\0';
    }
    return text;
}

static bool is_escaped(const char *at)
{
    return at[0] == '\\' && at[1] && strchr(",\n\\", at[1]);
}

/* Ends the entry at `*rest` and moves it behind; NULL when there is none. */
static char *next_entry(char **rest)
{
    char *entry = *rest;
    if (!entry) {
        return NULL;
    }
    char *at = entry;
    while (*at && *at != ',' && *at != '\n') {
        at += is_escaped(at) ? 2 : 1;
    }
    *rest = *at ? at + 1 : NULL;
    *at = '\0';
    return entry;
}

static char *unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        from += is_escaped(from);
        *to++ = *from;
    }
    *to = '\0';
    return text;
}

static bool set_one(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *error)
{
    const char *why = kafka_property_reserved(name);
    if (why) {
        return error_set(error, SETTING ": %s cannot be set: %s", name, why);
    }
    char reason[256];
    return rd_kafka_conf_set(conf, name, value, reason, sizeof reason) == RD_KAFKA_CONF_OK ||
           error_set(error, SETTING ": %s: %s", name, reason);
}

bool kafka_properties_set(rd_kafka_conf_t *conf, const char *properties, struct error *error)
{
    char *copy = memory_strdup(properties ? properties : "");
    char *rest = copy;
    bool fine = true;
    int number = 0;
    for (char *entry; fine && (entry = next_entry(&rest));) {
        entry = trim(entry);
        if (!*entry) {
            continue;
        }
        number++;
        char *value = strchr(entry, '=');
        if (!value) {
            fine = error_set(
                error, SETTING ": entry %d has no '=' (a comma within a value has a backslash before it)",
                number);
            break;
        }
        *value++ = '\0';
        const char *name = trim(entry);
        if (strncmp(name, PREFIX, strlen(PREFIX)) == 0) {
            name += strlen(PREFIX);
        }
        fine = set_one(conf, name, unescape(trim(value)), error);
    }
    free(copy);
    return fine;
}

static void no_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
    (void)kafka;
    (void)level;
    (void)facility;
    (void)text;
}

/* Properties that are fine one by one may not be so together; only a client that is made tells. */
static bool can_be_made(rd_kafka_type_t type, const char *properties, struct error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[256];
    rd_kafka_conf_set_log_cb(conf, no_log);
    if (!kafka_properties_set(conf, properties, error)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    if (type == RD_KAFKA_CONSUMER) {
        kafka_conf_set(conf, "group.id", "outbound");
    }
    rd_kafka_t *client = rd_kafka_new(type, conf, reason, sizeof reason);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        return error_set(error, SETTING ": %s", reason);
    }
    rd_kafka_destroy(client);
    return true;
}

bool kafka_properties_check(const char *properties, struct error *error)
{
    if (!properties || !*properties) {
        return true;
    }
    return can_be_made(RD_KAFKA_PRODUCER, properties, error) &&
           can_be_made(RD_KAFKA_CONSUMER, properties, error);
}
