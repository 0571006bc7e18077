#include "schemas/message_log.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static const char *value_of(const struct message_fields *fields, const char *key)
{
    for (const struct log_field *field = fields->list; field->key; field++) {
        if (strcmp(field->key, key) == 0) {
            return field->value ? field->value : "(none)";
        }
    }
    return "(no field)";
}

Test(message_log, fields_carry_what_is_known)
{
    const struct uuid id = {{0x01, 0x90}};
    struct message_fields fields;
    message_fields_set(&fields, &(struct message_ids){.id = &id,
                                                      .correlation_id = {"c-1, and more", 3},
                                                      .org_id = text_of("acme"),
                                                      .channel = "SMS",
                                                      .provider = "twilio",
                                                      .code = ERROR_TIMEOUT});
    cr_expect(eq(str, (char *)value_of(&fields, "messageId"), "01900000-0000-0000-0000-000000000000"));
    cr_expect(eq(str, (char *)value_of(&fields, "correlationId"), "c-1"));
    cr_expect(eq(str, (char *)value_of(&fields, "orgId"), "acme"));
    cr_expect(eq(str, (char *)value_of(&fields, "channel"), "SMS"));
    cr_expect(eq(str, (char *)value_of(&fields, "provider"), "twilio"));
    cr_expect(eq(str, (char *)value_of(&fields, "errorCode"), "TIMEOUT"));
}

/* Before it is checked, a message holds whatever its sender wrote. */
Test(message_log, what_is_not_fit_for_a_line_is_left_out)
{
    char long_text[CORRELATION_ID_MAX + 2];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    const struct new_message message = {.correlation_id = text_of(long_text),
                                        .org_id = text_of("a\nb"),
                                        .channel_name = text_of("+4915112345678")};
    struct message_fields fields;
    message_fields_of_new(&fields, &message, ERROR_NONE);
    for (const struct log_field *field = fields.list; field->key; field++) {
        cr_expect(field->value == NULL, "%s", field->key);
    }
}

Test(message_log, the_setting_says_which_lines_are_wanted)
{
    static const struct {
        const char *setting;
        enum log_level level;
        bool well, wanted;
    } rows[] = {
        {"all", LOG_INFO, true, true},     {"all", LOG_INFO, false, true},
        {"all", LOG_DEBUG, true, false},   {"failed", LOG_INFO, true, false},
        {"failed", LOG_INFO, false, true}, {"failed", LOG_WARN, false, true},
        {"off", LOG_INFO, true, false},    {"off", LOG_WARN, false, false},
        {"off", LOG_ERROR, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct config config = {.log_messages = rows[i].setting};
        cr_expect(message_log_wants(&config, rows[i].level, rows[i].well) == rows[i].wanted, "row %zu", i);
    }
}
