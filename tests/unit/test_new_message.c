#include "schemas/new_message.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "support/leaks.h"
#include "support/says.h"

TestSuite(new_message, .fini = no_leaks);

#define NOW_US INT64_C(1769903999000000)

static struct new_message good(void)
{
    return (struct new_message){
        .org_id = text_of("acme"),
        .dossier_id = 1,
        .channel_name = text_of("EMAIL"),
        .channel = CHANNEL_COUNT,
        .priority = text_of(PRIORITY_NORMAL),
        .to = text_of("test@example.com"),
        .template_code = text_of("welcome_email"),
        .subject = text_of("Welcome"),
        .payload = text_of("{}"),
    };
}

static char filler[2000];

static struct text filled(size_t length)
{
    memset(filler, 'x', sizeof filler);
    return (struct text){filler, length};
}

#define NONE ((struct text){0})
#define BYTES(literal) ((struct text){(literal), sizeof(literal) - 1})

/* One change of a good message. */
#define CHANGES(X)                                                                                      \
    /* accepted */                                                                                      \
    X(NULL, as_it_is, (void)message)                                                                    \
    X(NULL, no_org, message->org_id = NONE)                                                             \
    X(NULL, org_of_64_bytes, message->org_id = filled(64))                                              \
    X(NULL, correlation_of_128_bytes, message->correlation_id = filled(128))                            \
    X(NULL, key_of_255_bytes, message->idempotency_key = filled(255))                                   \
    X(NULL, key_of_all_signs, message->idempotency_key = text_of("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")) \
    X(NULL, urgent, message->priority = text_of(PRIORITY_URGENT))                                       \
    X(NULL, template_of_128_bytes, message->template_code = filled(128))                                \
    X(NULL, subject_of_998_bytes, message->subject = filled(998))                                       \
    X(NULL, subject_in_utf8, message->subject = text_of("Grüße – 日本 🙂"))                     \
    X(NULL, negative_dossier, message->dossier_id = -1)                                                 \
    X(NULL, expires_in_the_future, message->expires_at_us = NOW_US + 1)                                 \
    /* refused */                                                                                       \
    X("X-Org-ID", org_empty, message->org_id = BYTES(""))                                               \
    X("X-Org-ID", org_of_65_bytes, message->org_id = filled(65))                                        \
    X("X-Org-ID", org_with_a_space, message->org_id = text_of("a b"))                                   \
    X("X-Org-ID", org_not_ascii, message->org_id = text_of("ü"))                                        \
    X("X-Org-ID", org_with_nul, message->org_id = BYTES("a\0b"))                                        \
    X("X-Correlation-ID", correlation_empty, message->correlation_id = BYTES(""))                       \
    X("X-Correlation-ID", correlation_of_129_bytes, message->correlation_id = filled(129))              \
    X("X-Correlation-ID", correlation_with_a_tab, message->correlation_id = text_of("a\tb"))            \
    X("X-Correlation-ID", correlation_with_del,                                                         \
      message->correlation_id = text_of("a\x7f"                                                         \
                                        "b"))                                                           \
    X("Idempotency-Key", key_empty, message->idempotency_key = BYTES(""))                               \
    X("Idempotency-Key", key_of_256_bytes, message->idempotency_key = filled(256))                      \
    X("Idempotency-Key", key_with_a_line_end, message->idempotency_key = text_of("a\nb"))               \
    X("templateCode", no_template, message->template_code = NONE)                                       \
    X("templateCode", template_empty, message->template_code = BYTES(""))                               \
    X("templateCode", template_of_129_bytes, message->template_code = filled(129))                      \
    X("templateCode", template_with_nul, message->template_code = BYTES("a\0b"))                        \
    X("priority", no_priority, message->priority = NONE)                                                \
    X("priority", priority_empty, message->priority = BYTES(""))                                        \
    X("priority", priority_in_capitals, message->priority = text_of("URGENT"))                          \
    X("priority", priority_too_long, message->priority = text_of("urgently"))                           \
    X("priority", priority_with_nul, message->priority = BYTES("urgent\0"))                             \
    X("payloadJson", no_payload, message->payload = NONE)                                               \
    X("expiresAt", expires_now, message->expires_at_us = NOW_US)                                        \
    X("expiresAt", expired, message->expires_at_us = 1)                                                 \
    X("channel", no_channel, message->channel_name = NONE)                                              \
    X("channel", channel_empty, message->channel_name = BYTES(""))                                      \
    X("channel", channel_in_small_letters, message->channel_name = text_of("email"))                    \
    X("channel", channel_with_nul, message->channel_name = BYTES("EMAIL\0"))                            \
    X("to", nobody, message->to = NONE)                                                                 \
    X("to", to_empty, message->to = BYTES(""))                                                          \
    X("to", to_no_address, message->to = text_of("test"))                                               \
    X("to", to_with_nul, message->to = BYTES("test@example.com\0"))                                     \
    X("subject", no_subject, message->subject = NONE)                                                   \
    X("subject", subject_empty, message->subject = BYTES(""))                                           \
    X("subject", subject_of_999_bytes, message->subject = filled(999))                                  \
    X("subject", subject_with_a_header, message->subject = text_of("Hi\r\nBcc: x@example.com"))         \
    X("subject", subject_with_del, message->subject = text_of("a\x7f"))                                 \
    X("subject", subject_with_nul, message->subject = BYTES("a\0b"))

#define FUNCTION(field, name, change)             \
    static void name(struct new_message *message) \
    {                                             \
        change;                                   \
    }
CHANGES(FUNCTION)

static const struct {
    const char *field; /* NULL: accepted */
    const char *name;
    void (*change)(struct new_message *message);
} rows[] = {
#define ROW(field, name, change) {field, #name, name},
    CHANGES(ROW)};

Test(new_message, each_rule_names_its_field_and_nothing_else)
{
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct new_message message = good();
        struct violations violations = {.arena = &arena};
        rows[i].change(&message);
        new_message_check(&message, MESSAGE_BY_HTTP, NOW_US, &violations);
        cr_expect(eq(sz, violations.count, rows[i].field ? 1 : 0), "%s", rows[i].name);
        if (rows[i].field && violations.count > 0) {
            cr_expect(eq(str, violations.items[0].field, rows[i].field), "%s", rows[i].name);
            cr_expect(ne(str, violations.items[0].detail, ""), "%s", rows[i].name);
        }
        if (!rows[i].field) {
            cr_expect(eq(int, message.channel, CHANNEL_EMAIL), "%s", rows[i].name);
        }
        arena_reset(&arena);
    }
    arena_release(&arena);
}

Test(new_message, an_unknown_channel_is_told_which_there_are)
{
    struct arena arena = {0};
    struct violations violations = {.arena = &arena};
    struct new_message message = good();
    message.channel_name = text_of("PIGEON");
    new_message_check(&message, MESSAGE_BY_HTTP, NOW_US, &violations);
    cr_assert(eq(sz, violations.count, 1));
    for (int i = 0; i < CHANNEL_COUNT; i++) {
        EXPECT_SAYS(violations.items[0].detail, channel_name((enum channel)i));
    }
    arena_release(&arena);
}

Test(new_message, everything_wrong_is_told_at_once)
{
    struct arena arena = {0};
    struct violations violations = {.arena = &arena};
    struct new_message message = {.channel = CHANNEL_COUNT};
    new_message_check(&message, MESSAGE_BY_HTTP, NOW_US, &violations);
    static const char *const fields[] = {"templateCode", "priority", "payloadJson", "channel", "to"};
    cr_assert(eq(sz, violations.count, 5));
    for (size_t i = 0; i < 5; i++) {
        bool named = false;
        for (size_t j = 0; j < violations.count; j++) {
            named = named || strcmp(violations.items[j].field, fields[i]) == 0;
        }
        cr_expect(named, "%s", fields[i]);
    }
    arena_release(&arena);
}

/* The list is as long as it is; text is copied. */
Test(new_message, violations_have_an_end)
{
    struct arena arena = {0};
    struct violations violations = {.arena = &arena};
    for (int i = 0; i < VIOLATIONS_MAX + 5; i++) {
        char field[20];
        (void)snprintf(field, sizeof field, "field%d", i);
        violation_add(&violations, field, "is %d%s", i, ", and wrong");
    }
    cr_assert(eq(sz, violations.count, VIOLATIONS_MAX));
    cr_expect(eq(str, violations.items[0].field, "field0"));
    cr_expect(eq(str, violations.items[0].detail, "is 0, and wrong"));
    cr_expect(eq(str, violations.items[VIOLATIONS_MAX - 1].field, "field15"));
    arena_release(&arena);
}
