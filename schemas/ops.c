#include "schemas/ops.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/pg.h"
#include "schemas/ops_options.h"
#include "schemas/rows_print.h"

#define EXIT_FAILED 1
#define EXIT_WRONG_USAGE 2

/* A person's session, not a role's: the triggers are to act; and plans for these values, once. */
#define SESSION                                                                                      \
    "SET outbound.role = 'off'; SET plan_cache_mode = 'force_custom_plan'; SET enable_seqscan = on;" \
    "SET enable_nestloop = on; SET enable_mergejoin = on; SET client_min_messages = warning"

static bool answered(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
}

MUST_CHECK static bool run(PGconn *connection, const char *sql, struct error *error)
{
    PGresult *result = PQexec(connection, sql);
    const bool fine = answered(result);
    if (!fine) {
        (void)error_set(error, "%s", PQerrorMessage(connection));
    }
    PQclear(result);
    return fine;
}

/* One transaction, which a dry run takes back. NULL, with the reason, when it failed. */
static PGresult *execute(PGconn *connection, const struct ops_request *request, struct error *error)
{
    Oid types[OPS_VALUES];
    for (size_t i = 0; i < OPS_VALUES; i++) {
        types[i] = PG_TEXT;
    }
    if (!run(connection, SESSION, error) || !run(connection, "BEGIN", error)) {
        return NULL;
    }
    const struct ops_command *command = request->command;
    PGresult *rows = PQexecParams(connection, ops_changes(request) ? command->change : command->read,
                                  OPS_VALUES, types, request->values, NULL, NULL, 0);
    bool fine = PQresultStatus(rows) == PGRES_TUPLES_OK;
    if (!fine) {
        (void)error_set(error, "%s: %s", command->name,
                        PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY)
                            ? PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY)
                            : PQerrorMessage(connection));
    }
    const bool back = request->given & OPS_BIT(OPS_DRY_RUN);
    fine = fine && run(connection, back ? "ROLLBACK" : "COMMIT", error);
    if (!fine) {
        PQclear(rows);
        return NULL;
    }
    return rows;
}

/* A name that was given for what is to be changed, and that nothing bears; NULL when there is none. */
static const char *missing_name(const struct ops_request *request, const PGresult *rows)
{
    if (!ops_changes(request) || PQntuples(rows) > 0) {
        return NULL;
    }
    const enum ops_option option = (request->command->change_needs & OPS_BIT(OPS_ORG)) ? OPS_ORG : OPS_ID;
    return request->values[option] ? ops_option_name(option) : NULL;
}

static int report(const struct ops_request *request, const PGresult *rows)
{
    const char *missing = missing_name(request, rows);
    if (missing) {
        (void)fprintf(stderr, "outbound ops: %s: it is not there, or there is nothing to do about it\n",
                      missing);
        return EXIT_WRONG_USAGE;
    }
    if (request->given & OPS_BIT(OPS_JSON)) {
        rows_print_json(stdout, rows);
    } else {
        rows_print_table(stdout, rows);
    }
    if (request->given & OPS_BIT(OPS_DRY_RUN)) {
        (void)fputs("dry run: nothing was changed\n", stderr);
    }
    return 0;
}

int ops_run(const struct config *config, char **words, size_t count)
{
    struct ops_request request;
    struct error error;
    if (!ops_parse(words, count, &request, &error)) {
        (void)fprintf(stderr, "outbound ops: %s\n", error.text);
        return EXIT_WRONG_USAGE;
    }
    PGconn *connection = pg_connect_blocking(config->database_url, "outbound ops", &error);
    PGresult *rows = connection ? execute(connection, &request, &error) : NULL;
    int exit_code = EXIT_FAILED;
    if (rows) {
        exit_code = report(&request, rows);
    } else {
        error.text[strcspn(error.text, "\n")] = '\0';
        log_error("%s", error.text);
    }
    PQclear(rows);
    PQfinish(connection);
    return exit_code;
}

void ops_print_help(FILE *out)
{
    (void)fputs("\ncommands:\n", out);
    for (size_t i = 0; i < ops_command_count; i++) {
        const struct ops_command *command = &ops_commands[i];
        (void)fprintf(out, "  %s\n      %s\n     ", command->name, command->help);
        for (unsigned option = 0; option < OPS_OPTIONS; option++) {
            if (!(command->takes & OPS_BIT(option))) {
                continue;
            }
            const bool needed = command->needs & OPS_BIT(option);
            const char *value = ops_option_value((enum ops_option)option);
            (void)fprintf(out, " %s%s%s%s%s", needed ? "" : "[", ops_option_name((enum ops_option)option),
                          value ? "=" : "", value ? value : "", needed ? "" : "]");
        }
        (void)fputs(" [--json]\n", out);
    }
    (void)fputs("\noptions:\n", out);
    for (unsigned option = 0; option < OPS_OPTIONS; option++) {
        (void)fprintf(out, "  %-20s %s\n", ops_option_name((enum ops_option)option),
                      ops_option_help((enum ops_option)option));
    }
}
