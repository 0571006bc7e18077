/*
 * outbound - delivers messages. This file is the command line: one row per sub-command.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/library_memory.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/supervisor.h"
#include "dlq/run.h"
#include "docs/docs.h"
#include "metrics/exporter/run.h"
#include "metrics/sentry.h"
#include "producer/run.h"
#include "router/run.h"
#include "sandbox/proof/check.h"
#include "sandbox/proof/load.h"
#include "sandbox/run.h"
#include "schemas/audit.h"
#include "schemas/channels.h"
#include "schemas/config.h"
#include "schemas/fail_points.h"
#include "schemas/migrate.h"
#include "schemas/ops.h"
#include "schemas/schemas_command.h"
#include "schemas/topics_command.h"
#include "senders/run.h"

#define EXIT_WRONG_USAGE 2
#define OVERRIDES_MAX 16

/* What the command line says beside the command's name. */
struct command_line {
    const char *executable;
    const char *config_path;
    struct setting_override overrides[OVERRIDES_MAX + 1];
    size_t override_count;
    char **words; /* what is not an option; for a command with options of its own these, too */
    size_t word_count;
    bool help;
    bool print_config;
    bool check;
    bool json;
};

typedef int command_fn(const struct config *config, const struct command_line *line);

static command_fn run_all;

static int run_producer(const struct config *config, const struct command_line *line)
{
    (void)line;
    return producer_run(config);
}

static int run_router(const struct config *config, const struct command_line *line)
{
    (void)line;
    return router_run(config);
}

static int run_sender(const struct config *config, const struct command_line *line)
{
    (void)line;
    return sender_run(config);
}

static int run_exporter(const struct config *config, const struct command_line *line)
{
    (void)line;
    return exporter_run(config);
}

static int run_sandbox(const struct config *config, const struct command_line *line)
{
    (void)line;
    return sandbox_run(config);
}

static int run_migrate(const struct config *config, const struct command_line *line)
{
    return migrate_run(config, line->check);
}

static int run_topics(const struct config *config, const struct command_line *line)
{
    const char *what = line->word_count > 0 ? line->words[0] : "";
    if (strcmp(what, "apply") != 0 && strcmp(what, "check") != 0) {
        (void)fprintf(stderr, "outbound topics: say apply or check\n");
        return EXIT_WRONG_USAGE;
    }
    return topics_command_run(config, strcmp(what, "apply") == 0, line->json);
}

static int run_schemas(const struct config *config, const struct command_line *line)
{
    return schemas_run(config, line->words, line->word_count);
}

static int run_ops(const struct config *config, const struct command_line *line)
{
    return ops_run(config, line->words, line->word_count);
}

static int run_audit(const struct config *config, const struct command_line *line)
{
    return audit_run(config, line->words, line->word_count);
}

static int run_load(const struct config *config, const struct command_line *line)
{
    return load_run(config, line->words, line->word_count);
}

static int run_check(const struct config *config, const struct command_line *line)
{
    return check_run(config, line->words, line->word_count);
}

static int run_dlq(const struct config *config, const struct command_line *line)
{
    return dlq_run(config, line->words, line->word_count);
}

static int run_docs(const struct config *config, const struct command_line *line)
{
    (void)config;
    if (line->word_count != 1) {
        (void)fprintf(stderr, "outbound docs: say which folder to write to\n");
        return EXIT_WRONG_USAGE;
    }
    return docs_write(line->words[0]);
}

static const struct command {
    const char *name;
    const char *arguments;
    command_fn *run;
    size_t words; /* how many it takes */
    const char *help;
    void (*print_help)(FILE *out); /* NULL: it has no options of its own */
} commands[] = {
    {"all", "", run_all, 0, "runs every role as a child process, starts those again that end"},
    {"producer", "", run_producer, 0, "takes messages in over HTTP, stores them, hands them to Kafka"},
    {"router", "", run_router, 0, "decides where a message goes next"},
    {"sender", "[--channel=NAME]", run_sender, 0, "delivers the messages of one channel"},
    {"dlq", "COMMAND [OPTION...]", run_dlq, SIZE_MAX,
     "dead letters: consume, stats, list, show, replay, archive, discard", dlq_print_help},
    {"exporter", "", run_exporter, 0, "shows what waits and how late it is, to Prometheus"},
    {"sandbox", "", run_sandbox, 0, "stands in for providers: accepts, delays and fails on demand"},
    {"migrate", "[--check]", run_migrate, 0, "brings the database to this version's schema"},
    {"topics", "apply|check [--json]", run_topics, 1, "creates the topics, says what differs"},
    {"schemas", "COMMAND [OPTION...]", run_schemas, SIZE_MAX, "Avro schemas: list, show, check, register",
     schemas_print_help},
    {"ops", "COMMAND [OPTION...]", run_ops, SIZE_MAX, "the production runbook's procedures", ops_print_help},
    {"audit", "[--json] [--limit=N]", run_audit, SIZE_MAX,
     "proves that no message was lost or doubled, or names those that were", audit_print_help},
    {"load", "OPTION...", run_load, SIZE_MAX, "asks for messages at a rate, and keeps a journal of it",
     load_print_help},
    {"check", "OPTION...", run_check, SIZE_MAX,
     "compares the journal of a load with the database and with what the sandbox took", check_print_help},
    {"docs", "FOLDER", run_docs, 1, "writes the reference pages"},
};

static void print_usage(FILE *out)
{
    (void)fprintf(out, "outbound %s - delivers messages\n\nusage: outbound COMMAND [OPTION…]\n\n",
                  OUTBOUND_VERSION);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        (void)fprintf(out, "  %-10s %-20s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    }
    (void)fputs("\noptions of every command:\n"
                "  --config=FILE        reads settings from a YAML file; the environment wins over it\n"
                "  --set NAME=VALUE     sets one setting; wins over both\n"
                "  --print-config       prints the settings in force, secrets masked, and ends\n"
                "  --help               this; after a command: its settings too\n"
                "  --version\n\n"
                "A wrong setting ends a command with exit code 2.\n",
                out);
}

static bool add_override(struct command_line *line, const char *name, const char *value, struct error *error)
{
    if (!config_knows(name)) {
        return error_set(error, "there is no setting %s", name);
    }
    if (line->override_count == OVERRIDES_MAX) {
        return error_set(error, "too many settings on the command line: use a file");
    }
    line->overrides[line->override_count++] = (struct setting_override){name, value};
    return true;
}

/* The value of "--name=value" or "--name value"; NULL when the argument is another one. */
static const char *option_value(char **arguments, int *index, const char *name)
{
    const size_t length = strlen(name);
    const char *argument = arguments[*index];
    if (strncmp(argument, name, length) != 0) {
        return NULL;
    }
    if (argument[length] == '=') {
        return argument + length + 1;
    }
    return argument[length] == '\0' && arguments[*index + 1] ? arguments[++*index] : NULL;
}

static bool parse_option(struct command_line *line, char **arguments, int *index, struct error *error)
{
    const char *argument = arguments[*index];
    const char *value;
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
        line->help = true;
    } else if (strcmp(argument, "--print-config") == 0) {
        line->print_config = true;
    } else if (strcmp(argument, "--check") == 0) {
        line->check = true;
    } else if (strcmp(argument, "--json") == 0) {
        line->json = true;
    } else if ((value = option_value(arguments, index, "--config"))) {
        line->config_path = value;
    } else if ((value = option_value(arguments, index, "--channel"))) {
        return add_override(line, "OUTBOUND_SENDER_CHANNEL", value, error);
    } else if ((value = option_value(arguments, index, "--set"))) {
        char *equals = strchr(value, '=');
        if (!equals) {
            return error_set(error, "--set %s: has no '='", value);
        }
        *equals = '\0';
        return add_override(line, value, equals + 1, error);
    } else {
        return error_set(error, "there is no option %s, or its value is missing", argument);
    }
    return true;
}

/* Options that every command has are taken before those of the command's own. */
static bool is_common(const char *argument)
{
    static const char *const names[] = {"--help", "-h", "--print-config", "--config", "--set"};
    const size_t length = strcspn(argument, "=");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strlen(names[i]) == length && strncmp(names[i], argument, length) == 0) {
            return true;
        }
    }
    return false;
}

/* The words gather at the front of `arguments`, which nobody needs any more. */
static bool parse_arguments(char **arguments, int count, const struct command *command,
                            struct command_line *line, struct error *error)
{
    line->words = arguments + 2;
    for (int i = 2; i < count; i++) {
        if (arguments[i][0] == '-' && (!command->print_help || is_common(arguments[i]))) {
            if (!parse_option(line, arguments, &i, error)) {
                return false;
            }
        } else if (line->word_count == command->words) {
            return error_set(error, "\"%s\" is one word too many", arguments[i]);
        } else {
            line->words[line->word_count++] = arguments[i];
        }
    }
    return true;
}

/* Connections need descriptors; the soft limit is often far below what is allowed. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* How lines of the log name this process; see log.h. */
static void configure_log(const struct config *config, const char *role)
{
    static char worker_type[32];
    static char thread[sizeof worker_type + 16];
    const bool sender = strcmp(role, "sender") == 0;
    (void)snprintf(worker_type, sizeof worker_type, "outbound-%s", role);
    (void)snprintf(thread, sizeof thread, "%s%s%s", worker_type, sender ? "-" : "",
                   sender ? config->sender_channel : "");
    struct log_options options = {.json = strcmp(config->log_format, "json") == 0,
                                  .service = "outbound",
                                  .environment = config->environment,
                                  .role = role,
                                  .worker_type = worker_type,
                                  .thread = thread};
    if (!log_level_named(config->log_level, &options.level)) {
        abort(); /* the settings allow only names of levels */
    }
    log_configure(&options);
}

/* The roles as children: one of each, one sender per channel that has a provider, with this process's
 * options. */
static int run_all(const struct config *config, const struct command_line *line)
{
    static const char *const alone[][2] = {{"producer"}, {"router"}, {"dlq", "consume"}, {"exporter"}};
    const size_t first_sender = COUNT_OF(alone);
    struct supervisor_child children[COUNT_OF(alone) + CHANNEL_COUNT];
    char *arguments[COUNT_OF(children)][6 + 2 * OVERRIDES_MAX] = {{NULL}};
    char channels[CHANNEL_COUNT][64];
    char *overrides[OVERRIDES_MAX] = {NULL};
    for (size_t i = 0; i < line->override_count; i++) {
        const struct setting_override *one = &line->overrides[i];
        const size_t size = strlen(one->name) + strlen(one->value) + 2;
        overrides[i] = memory_new(size);
        (void)snprintf(overrides[i], size, "%s=%s", one->name, one->value);
    }
    /* One of each role here, so the host's name is enough of a name. */
    char instance[300] = "OUTBOUND_INSTANCE_ID=";
    (void)gethostname(instance + strlen(instance), sizeof instance - strlen(instance) - 1);
    char *named[] = {*config->instance_id ? NULL : instance, NULL};
    size_t child_count = first_sender;
    for (int i = 0; i < CHANNEL_COUNT; i++) {
        const enum channel channel = (enum channel)i;
        if (strcmp(config_provider(config, channel), "none") == 0) {
            log_info("no provider for %s is set: its messages wait", channel_label(channel));
            continue;
        }
        (void)snprintf(channels[child_count - first_sender], sizeof channels[0], "--channel=%s",
                       channel_label(channel));
        child_count++;
    }
    for (size_t i = 0; i < child_count; i++) {
        const char *name = i < first_sender ? alone[i][0] : "sender";
        const char *word = i < first_sender ? alone[i][1] : channels[i - first_sender];
        size_t count = 0;
        arguments[i][count++] = (char *)(uintptr_t)line->executable;
        arguments[i][count++] = (char *)(uintptr_t)name;
        if (word) {
            arguments[i][count++] = (char *)(uintptr_t)word;
        }
        if (line->config_path) {
            arguments[i][count++] = (char *)(uintptr_t) "--config";
            arguments[i][count++] = (char *)(uintptr_t)line->config_path;
        }
        for (size_t j = 0; j < line->override_count; j++) {
            arguments[i][count++] = (char *)(uintptr_t) "--set";
            arguments[i][count++] = overrides[j];
        }
        children[i] =
            (struct supervisor_child){.name = name, .arguments = arguments[i], .environment = named};
    }
    const int exit_code = supervisor_run(children, child_count, (unsigned)config->stop_timeout_ms + 1000);
    for (size_t i = 0; i < line->override_count; i++) {
        free(overrides[i]);
    }
    return exit_code;
}

/* Before anything can fail that somebody should hear of. */
static bool open_sentry(const struct config *config, const char *role, struct error *error)
{
    const char *environment = *config->sentry_environment ? config->sentry_environment : config->environment;
    return !config->sentry_enabled ||
           sentry_open(&(struct sentry_options){.dsn = config->sentry_dsn,
                                                .environment = environment,
                                                .release = "outbound@" OUTBOUND_VERSION,
                                                .logger = role},
                       error);
}

static int run_command(const struct command *command, const struct command_line *line)
{
    struct config config;
    struct error error;
    const struct settings_source source = {line->config_path, line->overrides};
    if (!config_load(&source, &config, &error)) {
        (void)fprintf(stderr, "outbound %s: %s\n", command->name, error.text);
        return EXIT_WRONG_USAGE;
    }
    configure_log(&config, command->name);
    if (!fail_points_set(&error) || !open_sentry(&config, command->name, &error)) {
        (void)fprintf(stderr, "outbound %s: %s\n", command->name, error.text);
        config_release(&config);
        return EXIT_WRONG_USAGE;
    }
    /* They ask for another log level, and end whoever does not listen yet. */
    (void)signal(SIGUSR1, SIG_IGN);
    (void)signal(SIGUSR2, SIG_IGN);
    raise_descriptor_limit();
    int exit_code = 0;
    if (line->print_config) {
        config_print_values(&config, stdout);
    } else {
        exit_code = command->run(&config, line);
    }
    sentry_close();
    config_release(&config);
    return exit_code;
}

int main(int count, char **arguments)
{
    library_memory_set();
    const char *name = count > 1 ? arguments[1] : "--help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_usage(count > 1 ? stdout : stderr);
        return count > 1 ? 0 : EXIT_WRONG_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        (void)printf("outbound %s\n", OUTBOUND_VERSION);
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, name) != 0) {
            continue;
        }
        char executable[PATH_MAX] = "";
        if (readlink("/proc/self/exe", executable, sizeof executable - 1) < 0) {
            (void)snprintf(executable, sizeof executable, "%s", arguments[0]);
        }
        struct command_line line = {.executable = executable};
        struct error error;
        if (!parse_arguments(arguments, count, &commands[i], &line, &error)) {
            (void)fprintf(stderr, "outbound %s: %s\n", name, error.text);
            return EXIT_WRONG_USAGE;
        }
        if (line.help) {
            (void)printf("outbound %s %s\n  %s\n", name, commands[i].arguments, commands[i].help);
            if (commands[i].print_help) {
                commands[i].print_help(stdout);
            }
            (void)fputs("\nsettings, as environment variables:\n", stdout);
            config_print_help(stdout);
            return 0;
        }
        return run_command(&commands[i], &line);
    }
    (void)fprintf(stderr, "outbound: there is no command \"%s\"\n\n", name);
    print_usage(stderr);
    return EXIT_WRONG_USAGE;
}
