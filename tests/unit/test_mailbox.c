#include "senders/mailbox.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/leaks.h"
#include "support/says.h"

TestSuite(mailbox, .fini = no_leaks);

static void expect_sender(const char *name, const char *mailbox)
{
    const struct config config = {.email_from = "us@example.com", .email_from_name = name};
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    mailbox_append_sender(&config, &buffer);
    cr_expect_str_eq(buffer.bytes, mailbox, "%s", buffer.bytes);
    buffer_release(&buffer);
}

Test(mailbox, a_name_is_quoted_or_encoded)
{
    expect_sender("", "us@example.com");
    expect_sender("Us", "\"Us\" <us@example.com>");
    expect_sender("Us, \"the\" \\team", "\"Us, \\\"the\\\" \\\\team\" <us@example.com>");
    expect_sender("\xc3\x89quipe", "=?UTF-8?B?w4lxdWlwZQ==?= <us@example.com>");
    expect_sender("a\r\nBcc: b", "=?UTF-8?B?YQ0KQmNjOiBi?= <us@example.com>");
}

/* 44 + 2 bytes: the character that the limit would cut goes into the second word. */
Test(mailbox, a_long_name_becomes_several_words_between_characters)
{
    expect_sender("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9",
                  "=?UTF-8?B?YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=?= "
                  "=?UTF-8?B?w6k=?= <us@example.com>");
    expect_sender(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9",
        "=?UTF-8?B?YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYcOp?= <us@example.com>");
}

/* Nothing but middles of characters: it ends, and no word is too long. */
Test(mailbox, what_is_not_utf8_ends_too)
{
    char name[200];
    memset(name, 0x80, sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const struct config config = {.email_from = "us@example.com", .email_from_name = name};
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    mailbox_append_sender(&config, &buffer);
    for (const char *at = buffer.bytes; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL) {
        cr_expect_leq(strcspn(at, " "), 75);
    }
    buffer_release(&buffer);
}

Test(mailbox, the_senders_address_is_checked)
{
    struct error error;
    struct config config = {.email_from = "us@example.com"};
    cr_expect(mailbox_check_sender(&config, &error));
    config.email_from = "us";
    cr_expect_not(mailbox_check_sender(&config, &error));
    EXPECT_SAYS(error.text, "OUTBOUND_EMAIL_FROM: \"us\"");
}
