#include "dlq/dlq.h"

#include <stdio.h>

#include "base/clock.h"
#include "dlq/run.h"

#define PARAMS_MAX ((size_t)64 * 1024)

int dlq_complain(int exit_code, const char *why)
{
    (void)fprintf(stderr, "outbound dlq: %s\n", why);
    return exit_code;
}

bool dlq_resolve_ids(PGconn *connection, struct letter_filter *filter, const struct letter_action *action,
                     int *ret_exit_code)
{
    if (filter->letter_id_count + filter->message_id_count == 0) {
        return true;
    }
    struct error error;
    char sqlstate[6];
    struct pg_params params;
    pg_params_init(&params, PARAMS_MAX);
    letters_find_params(filter, &params);
    PGresult *found = pg_call_blocking(connection, &letters_find, &params, sqlstate, &error);
    pg_params_release(&params);
    *ret_exit_code = found ? EXIT_WRONG : EXIT_FAILED;
    const bool fine = found && letters_take_found(filter, found, action, &error);
    PQclear(found);
    if (!fine) {
        (void)dlq_complain(*ret_exit_code, error.text);
    }
    return fine;
}

int dlq_run(const struct config *config, char **arguments, size_t count)
{
    struct dlq_options options;
    struct error error;
    if (!dlq_options_parse(arguments, count, clock_wall_us(), &options, &error)) {
        return dlq_complain(EXIT_WRONG, error.text);
    }
    if (options.verb == DLQ_CONSUME) {
        return dlq_consume(config);
    }
    PGconn *connection = pg_connect_blocking(config->database_url, "outbound dlq", &error);
    if (!connection) {
        return dlq_complain(EXIT_FAILED, error.text);
    }
    const bool looks = options.verb == DLQ_STATS || options.verb == DLQ_LIST || options.verb == DLQ_SHOW;
    const int exit_code = looks ? dlq_look(connection, &options) : dlq_change(config, connection, &options);
    PQfinish(connection);
    return exit_code;
}
