#include <inttypes.h>
#include <stdio.h>

#include "dlq/dlq.h"
#include "dlq/table.h"

#define PARAMS_MAX ((size_t)64 * 1024)

static const struct table_column list_columns[] = {
    {"ID", "id", 8},
    {"FAILED AT", "failedAt", 27},
    {"CHANNEL", "channel", 8},
    {"CODE", "code", 22},
    {"ORG", "orgId", 10},
    {"ATTEMPTS", "attempts", 8},
    {"REPLAYS", "replayCount", 7},
    {"MESSAGE", "messageId", 36},
    {"REASON", "reason", 0},
};

static const struct table_column stats_columns[] = {
    {"STATUS", "status", 9}, {"CHANNEL", "channel", 8}, {"CODE", "code", 22},
    {"COUNT", "count", 9},   {"OLDEST", "oldest", 27},  {"NEWEST", "newest", 0},
};

static void print(const struct dlq_options *options, const PGresult *rows)
{
    if (options->json) {
        for (int row = 0; row < PQntuples(rows); row++) {
            (void)puts(PQgetvalue(rows, row, 0));
        }
    } else if (options->verb == DLQ_SHOW) {
        table_print_members(stdout, PQgetvalue(rows, 0, 0));
    } else if (options->verb == DLQ_STATS) {
        table_print(stdout, stats_columns, COUNT_OF(stats_columns), rows);
    } else {
        table_print(stdout, list_columns, COUNT_OF(list_columns), rows);
    }
}

int dlq_look(PGconn *connection, struct dlq_options *options)
{
    int exit_code;
    if (!dlq_resolve_ids(connection, &options->filter, NULL, &exit_code)) {
        return exit_code;
    }
    struct pg_params params;
    const struct pg_statement *statement = &letters_list;
    pg_params_init(&params, PARAMS_MAX);
    if (options->verb == DLQ_SHOW) {
        statement = &letters_show;
        pg_param_int8(&params, options->filter.letter_ids[0]);
    } else if (options->verb == DLQ_STATS) {
        statement = &letters_stats;
        letter_filter_params(&options->filter, NULL, &params);
    } else {
        letters_list_params(&options->filter, &params);
    }
    char sqlstate[6];
    struct error error;
    PGresult *rows = pg_call_blocking(connection, statement, &params, sqlstate, &error);
    pg_params_release(&params);
    if (!rows) {
        return dlq_complain(EXIT_FAILED, error.text);
    }
    print(options, rows);
    PQclear(rows);
    return EXIT_FINE;
}
