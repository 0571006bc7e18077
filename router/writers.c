#include "router/writers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "schemas/registry.h"

/* Ids are given away one by one and a service has few: more of them are not ours, or noise. */
#define WRITERS_MAX 1000
#define ASK_AGAIN_MIN_MS 200
#define ASK_AGAIN_MAX_MS 10000
/* A registry may learn of an id after a record that has it arrived here. */
#define UNKNOWN_FOR_MS 30000

struct writer {
    struct writer *next;
    struct writers *writers;
    int32_t id;
    enum writer_state state;
    bool asking;
    int64_t ask_at_ms; /* not before that, monotonic */
    struct request_reader *reader;
    struct error why;
};

struct writers {
    struct registry *registry; /* NULL: none is configured */
    struct request_reader *own;
    struct writer *first; /* by registry id; the one met last is the first */
    size_t count;
    int64_t pause_ms; /* grows while the registry is away */
    struct log_seldom away;
};

struct writers *writers_open(uv_loop_t *loop, const struct config *config, struct error *error)
{
    struct writers *writers = NEW(struct writers);
    writers->pause_ms = ASK_AGAIN_MIN_MS;
    const char *text = avro_schema_text(SCHEMA_MESSAGE_REQUEST);
    writers->own = request_reader_new(text, strlen(text), error);
    if (writers->own && *config->registry_url) {
        writers->registry = registry_open(loop, config, error);
    }
    if (!writers->own || (*config->registry_url && !writers->registry)) {
        writers_close(writers);
        return NULL;
    }
    return writers;
}

static void writer_free(struct writer *writer)
{
    request_reader_free(writer->reader);
    free(writer);
}

void writers_close(struct writers *writers)
{
    if (!writers) {
        return;
    }
    registry_close(writers->registry);
    for (struct writer *writer; (writer = writers->first);) {
        writers->first = writer->next;
        writer_free(writer);
    }
    request_reader_free(writers->own);
    free(writers);
}

static void registry_is_away(struct writers *writers, struct writer *writer, const char *why)
{
    log_seldom(&writers->away, "records with schema id %d wait for the registry: %s", (int)writer->id, why);
    writer->ask_at_ms = clock_monotonic_ms() + writers->pause_ms;
    writers->pause_ms = writers->pause_ms * 2 < ASK_AGAIN_MAX_MS ? writers->pause_ms * 2 : ASK_AGAIN_MAX_MS;
}

static void on_schema(void *arg, enum registry_answer answer, const char *text, const char *why)
{
    struct writer *writer = arg;
    writer->asking = false;
    if (answer == REGISTRY_AWAY) {
        registry_is_away(writer->writers, writer, why);
        return;
    }
    writer->writers->pause_ms = ASK_AGAIN_MIN_MS;
    writer->writers->away = (struct log_seldom){0};
    if (answer == REGISTRY_FOUND) {
        writer->reader = request_reader_new(text, strlen(text), &writer->why);
        writer->state = writer->reader ? WRITER_KNOWN : WRITER_UNFITTING;
        log_info("schema id %d: %s", (int)writer->id, writer->reader ? "known now" : writer->why.text);
        return;
    }
    (void)error_set(&writer->why, "%s", why);
    writer->state = WRITER_UNKNOWN;
    writer->ask_at_ms = clock_monotonic_ms() + UNKNOWN_FOR_MS;
}

/* One that nobody has asked for lately and that is no use. */
static void forget_one(struct writers *writers)
{
    struct writer **found = NULL;
    for (struct writer **at = &writers->first; *at; at = &(*at)->next) {
        if (!(*at)->asking && (!found || (*at)->state != WRITER_KNOWN || (*found)->state == WRITER_KNOWN)) {
            found = at;
        }
    }
    if (found) {
        struct writer *writer = *found;
        *found = writer->next;
        writers->count--;
        writer_free(writer);
    }
}

/* The writer with that id, moved to the front; a new one when it was never met. */
static struct writer *writer_of(struct writers *writers, int32_t id)
{
    struct writer **at = &writers->first;
    while (*at && (*at)->id != id) {
        at = &(*at)->next;
    }
    struct writer *writer = *at;
    if (writer) {
        *at = writer->next;
    } else {
        if (writers->count >= WRITERS_MAX) {
            forget_one(writers);
        }
        writer = NEW(struct writer);
        *writer = (struct writer){.writers = writers, .id = id, .state = WRITER_ASKED};
        writers->count++;
    }
    writer->next = writers->first;
    writers->first = writer;
    return writer;
}

static enum writer_state find_registered(struct writers *writers, int32_t id,
                                         struct request_reader **ret_reader, const char **ret_why)
{
    if (id < 0) {
        *ret_why = "its schema id is negative";
        return WRITER_UNKNOWN;
    }
    if (!writers->registry) {
        log_seldom(&writers->away,
                   "records come with ids of a schema registry, but SCHEMA_REGISTRY_URL is not set");
        *ret_why = "its schema has an id, and no registry is set (SCHEMA_REGISTRY_URL)";
        return WRITER_UNKNOWN;
    }
    struct writer *writer = writer_of(writers, id);
    const int64_t now_ms = clock_monotonic_ms();
    if (writer->state == WRITER_UNKNOWN && writer->ask_at_ms <= now_ms) {
        writer->state = WRITER_ASKED;
    }
    if (writer->state == WRITER_ASKED && !writer->asking && writer->ask_at_ms <= now_ms) {
        writer->asking = true;
        registry_get_schema(writers->registry, id, on_schema, writer);
    }
    *ret_reader = writer->reader;
    *ret_why = writer->why.text;
    return writer->state;
}

enum writer_state writers_find(struct writers *writers, const struct wire_record *record,
                               struct request_reader **ret_reader, const char **ret_why)
{
    if (record->framing == REGISTRY) {
        return find_registered(writers, record->schema_id, ret_reader, ret_why);
    }
    *ret_reader = writers->own;
    *ret_why = "its schema has a fingerprint that is not known here";
    return record->fingerprint == schema_table[SCHEMA_MESSAGE_REQUEST].fingerprint ? WRITER_KNOWN
                                                                                   : WRITER_UNKNOWN;
}
