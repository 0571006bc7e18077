#include "schemas/schemas_command.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schemas/avro_schemas.h"
#include "schemas/schema_subjects.h"
#include "schemas/schemas_check.h"

#define EXIT_FAILED 1
#define EXIT_WRONG 2

struct request {
    const struct command *command;
    const char *name;     /* of a schema */
    const char *released; /* NULL: not given */
    bool json;
};

typedef int schemas_fn(struct registry_session *session, const struct request *request);

static schemas_fn list;
static schemas_fn show;
static schemas_fn check;
static schemas_fn add;

static const struct command {
    const char *name;
    const char *help;
    schemas_fn *run;
    bool takes_name;
    bool takes_released;
    bool needs_registry;
} commands[] = {
    {"list", "the schemas, and under which id the registry has each", list},
    {"show", "NAME: a schema's text", show, .takes_name = true},
    {"check", "whether each goes with its last released version, and with what the registry has", check,
     .takes_released = true},
    {"register", "adds those that are shared with other services to the registry, unless they are there", add,
     .needs_registry = true},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static int complain(int exit_code, const char *why)
{
    (void)fprintf(stderr, "outbound schemas: %s\n", why);
    return exit_code;
}

static void print_json(json_t *line)
{
    (void)json_dumpf(line, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(line);
}

/* --- list */

static json_t *names_of(enum schema schema)
{
    const char *topics[TOPIC_COUNT + 1];
    const size_t count = schema_topics(schema, topics);
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(names, json_string(topics[i]));
    }
    return names;
}

static void print_row(enum schema schema, const char *subject, const struct registry_said *said, bool json)
{
    const struct schema_row *row = &schema_table[schema];
    const char *framing = row->framing == REGISTRY ? "registry" : "single-object";
    const bool found = said->answer == REGISTRY_FOUND;
    char fingerprint[17];
    (void)snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, row->fingerprint);
    if (json) {
        print_json(json_pack("{s:s, s:o, s:s?, s:s, s:s, s:o, s:o}", "schema", row->name, "topics",
                             names_of(schema), "subject", subject, "framing", framing, "fingerprint",
                             fingerprint, "id", found ? json_integer(said->id) : json_null(), "version",
                             found ? json_integer(said->version) : json_null()));
        return;
    }
    const char *topics[TOPIC_COUNT + 1];
    const size_t count = schema_topics(schema, topics);
    char topic[32];
    char id[16] = "-";
    char version[16] = "-";
    (void)snprintf(topic, sizeof topic, "%zu topics", count);
    if (found) {
        (void)snprintf(id, sizeof id, "%d", said->id);
        (void)snprintf(version, sizeof version, "%d", said->version);
    }
    (void)printf("%-16s %-20s %-26s %-14s %-17s %10s %8s\n", row->name, count == 1 ? topics[0] : topic,
                 subject ? subject : "-", framing, fingerprint, id, version);
}

static int list(struct registry_session *session, const struct request *request)
{
    struct error away = {.text = ""};
    if (!request->json) {
        (void)printf("%-16s %-20s %-26s %-14s %-17s %10s %8s\n", "schema", "topic", "subject", "framing",
                     "fingerprint", "id", "version");
    }
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        char subject[SUBJECT_SIZE];
        const bool shared = schema_subject((enum schema)i, subject);
        struct registry_said said = {.answer = REGISTRY_ABSENT};
        if (shared && session->registry && !*away.text) {
            said = registry_wait_find(session, subject, avro_schema_text((enum schema)i));
            if (said.answer == REGISTRY_AWAY) {
                away = said.why;
            }
        }
        print_row((enum schema)i, shared ? subject : NULL, &said, request->json);
        free(said.schema_text);
    }
    return *away.text ? complain(EXIT_FAILED, away.text) : 0;
}

/* --- show */

static int show(struct registry_session *session, const struct request *request)
{
    (void)session;
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        if (strcmp(schema_table[i].name, request->name) == 0) {
            (void)fputs(avro_schema_text((enum schema)i), stdout);
            return 0;
        }
    }
    (void)fprintf(stderr, "outbound schemas: there is no schema \"%s\", only", request->name);
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        (void)fprintf(stderr, "%s %s", i ? "," : "", schema_table[i].name);
    }
    (void)fputc('\n', stderr);
    return EXIT_WRONG;
}

/* --- check */

static int check(struct registry_session *session, const struct request *request)
{
    struct schemas_check state = {.json = request->json};
    struct error error;
    const char *folder = request->released ? request->released : RELEASED_DEFAULT;
    /* Where the executable is installed there is no repository, and the registry is what counts. */
    const bool skip = !request->released && session->registry && access(folder, F_OK) != 0;
    if (!skip && !schemas_check_released(&state, folder, &error)) {
        return complain(EXIT_WRONG, error.text);
    }
    if (session->registry) {
        schemas_check_registry(&state, session);
    }
    return state.flaws ? EXIT_FAILED : 0;
}

/* --- register */

/* All are asked for before one is added: either all of them are in the registry, or as few as before. */
static bool would_take_all(struct registry_session *session)
{
    bool fine = true;
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        char subject[SUBJECT_SIZE];
        if (!schema_subject((enum schema)i, subject)) {
            continue;
        }
        const struct registry_said said =
            registry_wait_check(session, subject, avro_schema_text((enum schema)i));
        if (said.answer == REGISTRY_AWAY || said.answer == REGISTRY_REFUSED) {
            (void)fprintf(stderr, "outbound schemas: %s: %s\n", subject, said.why.text);
            fine = false;
        }
    }
    return fine;
}

static int add(struct registry_session *session, const struct request *request)
{
    if (!would_take_all(session)) {
        return EXIT_FAILED;
    }
    for (int i = 0; i < SCHEMA_COUNT; i++) {
        char subject[SUBJECT_SIZE];
        const char *text = avro_schema_text((enum schema)i);
        if (!schema_subject((enum schema)i, subject)) {
            continue;
        }
        const struct registry_said said = registry_wait_register(session, subject, text);
        if (said.answer != REGISTRY_FOUND) {
            (void)fprintf(stderr, "outbound schemas: %s: %s\n", subject, said.why.text);
            return EXIT_FAILED;
        }
        if (request->json) {
            print_json(json_pack("{s:s, s:s, s:i}", "schema", schema_table[i].name, "subject", subject, "id",
                                 said.id));
        } else {
            (void)printf("%-16s %-26s id %d\n", schema_table[i].name, subject, said.id);
        }
    }
    return 0;
}

/* --- the command line */

static bool read_option(char **words, size_t count, size_t *at, struct request *request, struct error *error)
{
    const char *word = words[*at];
    if (strcmp(word, "--json") == 0) {
        request->json = true;
        return true;
    }
    if (strncmp(word, "--released=", 11) == 0) {
        request->released = word + 11;
        return true;
    }
    if (strcmp(word, "--released") == 0) {
        if (*at + 1 == count) {
            return error_set(error, "--released: its value is missing");
        }
        request->released = words[++*at];
        return true;
    }
    return error_set(error, "there is no option %s", word);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

/* Those behind the command. */
static bool read_words(char **words, size_t count, struct request *request, struct error *error)
{
    for (size_t i = 1; i < count; i++) {
        if (words[i][0] == '-') {
            if (!read_option(words, count, &i, request, error)) {
                return false;
            }
        } else if (!request->command->takes_name || request->name) {
            return error_set(error, "\"%s\" is one word too many", words[i]);
        } else {
            request->name = words[i];
        }
    }
    if (request->command->takes_name && !request->name) {
        return error_set(error, "%s: say the name of a schema", request->command->name);
    }
    if (request->command->takes_name && request->json) {
        return error_set(error, "%s: a schema is JSON already, there is no --json", request->command->name);
    }
    if (request->released && !request->command->takes_released) {
        return error_set(error, "%s: takes no --released", request->command->name);
    }
    return true;
}

int schemas_run(const struct config *config, char **words, size_t count)
{
    struct request request = {.command = count > 0 ? find_command(words[0]) : NULL};
    struct registry_session session;
    struct error error;
    if (!request.command) {
        return complain(EXIT_WRONG, "say list, show NAME, check or register");
    }
    if (!read_words(words, count, &request, &error)) {
        return complain(EXIT_WRONG, error.text);
    }
    if (request.command->needs_registry && !*config->registry_url) {
        return complain(EXIT_WRONG, "SCHEMA_REGISTRY_URL is not set");
    }
    if (!registry_session_open(&session, config, &error)) {
        return complain(EXIT_WRONG, error.text);
    }
    const int exit_code = request.command->run(&session, &request);
    registry_session_close(&session);
    return exit_code;
}

void schemas_print_help(FILE *out)
{
    (void)fputs("\ncommands:\n", out);
    for (size_t i = 0; i < COMMANDS; i++) {
        (void)fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    }
    (void)fputs("\noptions:\n"
                "  --json            a JSON object per line\n"
                "  --released=DIR    check: the released versions, NAME.N.avsc (" RELEASED_DEFAULT ")\n",
                out);
}
