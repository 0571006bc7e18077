#include "schemas/errors.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

Test(error_codes, each_has_a_name_of_its_own_and_a_help_text)
{
    cr_assert(gt(int, ERROR_CODE_COUNT, 1));
    for (int i = 1; i < ERROR_CODE_COUNT; i++) {
        const struct error_row *row = error_row((enum error_code)i);
        cr_assert(row->name != NULL && row->help != NULL, "code %d", i);
        cr_expect(eq(sz, strspn(row->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), strlen(row->name)), "%s",
                  row->name);
        cr_expect(gt(sz, strlen(row->help), 10), "%s", row->name);
        cr_expect(row->help[strlen(row->help) - 1] == '.', "%s: its help text is not a sentence", row->name);
        for (int j = 1; j < i; j++) {
            cr_expect(ne(str, row->name, error_row((enum error_code)j)->name));
            cr_expect(ne(str, row->help, error_row((enum error_code)j)->help));
        }
    }
}

Test(error_codes, none_has_no_name)
{
    cr_expect(error_row(ERROR_NONE)->name == NULL);
}

Test(error_codes, rows_belong_to_their_codes)
{
    static const struct {
        const char *name;
        enum error_code code;
        enum error_remedy remedy;
        enum error_scope scope;
        bool may_be_delivered;
    } rows[] = {
        {"INVALID_EMAIL", ERROR_INVALID_EMAIL, PERMANENT, MESSAGE, false},
        {"CONNECTION_FAILED", ERROR_CONNECTION_FAILED, RETRYABLE, DESTINATION, false},
        {"CONNECTION_LOST", ERROR_CONNECTION_LOST, RETRYABLE, DESTINATION, true},
        {"TIMEOUT", ERROR_TIMEOUT, RETRYABLE, DESTINATION, true},
        {"LEASE_EXPIRED", ERROR_LEASE_EXPIRED, RETRYABLE, PROCESS, true},
        {"MALFORMED_RECORD", ERROR_MALFORMED_RECORD, PERMANENT, RECORD, false},
        {"UNKNOWN_SCHEMA", ERROR_UNKNOWN_SCHEMA, PERMANENT, RECORD, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct error_row *row = error_row(rows[i].code);
        cr_expect(eq(str, row->name, rows[i].name));
        cr_expect(eq(int, row->remedy, rows[i].remedy), "%s", rows[i].name);
        cr_expect(eq(int, row->scope, rows[i].scope), "%s", rows[i].name);
        cr_expect(row->may_be_delivered == rows[i].may_be_delivered, "%s", rows[i].name);
    }
}
