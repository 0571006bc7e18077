#include "schemas/lifecycle.h"

#include "schemas/letters.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/errors.h"
#include "schemas/migrate.h"
#include "schemas/topics.h"
#include "support/says.h"

static const struct pg_statement *const statements[] = {
    &lifecycle_insert,
    &lifecycle_insert_some,
    &lifecycle_insert_told,
    &lifecycle_insert_some_told,
    &lifecycle_find_conflicts,
    &lifecycle_get,
    &lifecycle_take_outbox,
    &lifecycle_take_events,
    &lifecycle_delete_outbox,
    &lifecycle_delete_events,
    &lifecycle_claim,
    &lifecycle_finish,
    &lifecycle_end_leases,
    &lifecycle_expire_leases,
    &lifecycle_republish,
    &lifecycle_replay,
    &lifecycle_replay_preview,
    &lifecycle_archive,
    &lifecycle_archive_preview,
    &letters_store,
    &letters_list,
    &letters_stats,
    &letters_show,
    &letters_find,
    NULL,
};

/* A prepared statement is known to the server by its name. */
Test(lifecycle, names_are_unique)
{
    for (size_t i = 0; statements[i]; i++) {
        cr_expect(ne(str, statements[i]->name, ""));
        /* What metrics call it is what it does. */
        EXPECT_SAYS(statements[i]->sql, statements[i]->operation);
        EXPECT_SAYS(statements[i]->sql, statements[i]->table);
        for (size_t j = 0; j < i; j++) {
            cr_expect(ne(str, statements[i]->name, statements[j]->name));
        }
    }
}

/* $1 to the last without a hole, and no more than a call can carry. */
Test(lifecycle, parameters_are_numbered_without_holes)
{
    for (size_t i = 0; statements[i]; i++) {
        bool used[PG_PARAMS_MAX + 1] = {false};
        long most = 0;
        for (const char *at = statements[i]->sql; (at = strchr(at, '$')); at++) {
            const long number = strtol(at + 1, NULL, 10);
            cr_assert(number >= 1 && number <= PG_PARAMS_MAX, "%s: $%ld", statements[i]->name, number);
            used[number] = true;
            most = number > most ? number : most;
        }
        for (long number = 1; number <= most; number++) {
            cr_expect(used[number], "%s has no $%ld", statements[i]->name, number);
        }
    }
}

/* The table of changes is not just a claim: the statement's SQL names both states. */
Test(lifecycle, statements_name_the_states_that_they_change)
{
    for (size_t i = 0; i < lifecycle_change_count; i++) {
        const struct lifecycle_change *change = &lifecycle_changes[i];
        char quoted[32];
        (void)snprintf(quoted, sizeof quoted, "'%s'", state_name(change->from));
        EXPECT_SAYS(change->statement->sql, quoted);
        (void)snprintf(quoted, sizeof quoted, "'%s'", state_name(change->to));
        EXPECT_SAYS(change->statement->sql, quoted);
    }
}

static void expect_name(const char *sql, const char *name)
{
    char quoted[64];
    (void)snprintf(quoted, sizeof quoted, "'%s'", name);
    EXPECT_SAYS(sql, quoted);
}

/* Whoever changes a status tells of it. */
Test(lifecycle, every_change_makes_an_event)
{
    EXPECT_SAYS(lifecycle_insert_told.sql, "INSERT INTO outbound_event_outbox");
    EXPECT_SAYS(lifecycle_insert_some_told.sql, "INSERT INTO outbound_event_outbox");
    for (size_t i = 0; i < lifecycle_change_count; i++) {
        EXPECT_SAYS(lifecycle_changes[i].statement->sql, "INSERT INTO outbound_event_outbox");
    }
}

static const char *migration(const char *name)
{
    for (size_t i = 0; i < migration_count; i++) {
        if (strstr(migrations[i].name, name)) {
            return migrations[i].sql;
        }
    }
    cr_fatal("there is no migration %s", name);
}

/* Triggers cannot see the tables in C: what they write has to be there. */
Test(lifecycle, triggers_use_names_of_the_tables)
{
    expect_name(migration("_operators"), topic_name(TOPIC_ACCEPTED));
    expect_name(migration("_operators"), topic_name(TOPIC_DLQ));
    expect_name(migration("_operators"), error_row(ERROR_SET_BY_HAND)->name);
}
