#include "senders/smtp/smtp.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "senders/smtp/mime.h"
#include "senders/smtp/replies.h"
#include "support/leaks.h"
#include "support/says.h"
#include "support/temp_file.h"
#include "support/time_limit.h"

TestSuite(smtp, .init = time_limit, .fini = no_leaks);

static const struct config config = {.email_from = "from@example.com",
                                     .email_from_name = "",
                                     .smtp_url = "smtp://mail.example.com:587",
                                     .smtp_tls = "required",
                                     .smtp_username = "user",
                                     .smtp_password = "secret",
                                     .smtp_ca_file = "",
                                     .smtp_max_connections = 20};

static struct message message_of(const char *payload)
{
    return (struct message){.attempt_no = 3,
                            .org_id = "org",
                            .to = "ada@example.com",
                            .template_code = "welcome",
                            .subject = "Welcome",
                            .payload = payload,
                            .correlation_id = "c"};
}

Test(smtp, replies_are_judged_by_their_status_then_by_their_code)
{
    static const struct {
        int code;
        const char *text;
        enum error_code error;
    } cases[] = {
        {250, "2.0.0 Ok: queued as 4F2A", ERROR_NONE},
        {250, "", ERROR_NONE},
        {251, "User not local; will forward", ERROR_NONE},
        {354, "go on", ERROR_UNREADABLE_RESPONSE},
        /* 4xx: for now */
        {421, "4.3.2 closing", ERROR_TEMPORARY_ERROR},
        {421, "4.7.28 unusual rate of mail", ERROR_RATE_LIMIT_EXCEEDED},
        {432, "4.7.12 password transition", ERROR_TEMPORARY_ERROR},
        {450, "4.2.0 greylisted", ERROR_TEMPORARY_ERROR},
        {450, "", ERROR_TEMPORARY_ERROR},
        {450, "4.1.1 mailbox may come", ERROR_TEMPORARY_ERROR},
        {451, "4.3.0 local error", ERROR_TEMPORARY_ERROR},
        {451, "4.7.1 come back later", ERROR_TEMPORARY_ERROR},
        {452, "4.2.2 mailbox full", ERROR_TEMPORARY_ERROR},
        {452, "4.3.1 insufficient storage", ERROR_TEMPORARY_ERROR},
        {454, "4.7.0 temporary authentication failure", ERROR_TEMPORARY_ERROR},
        {455, "", ERROR_TEMPORARY_ERROR},
        {499, "what", ERROR_TEMPORARY_ERROR},
        /* 5xx: for good, unless it is about us */
        {500, "5.5.2 syntax error", ERROR_INVALID_REQUEST},
        {501, "", ERROR_INVALID_REQUEST},
        {502, "5.5.1 not implemented", ERROR_PROVIDER_REJECTED},
        {503, "5.5.1 bad sequence", ERROR_PROVIDER_REJECTED},
        {530, "5.7.0 authentication required", ERROR_AUTHENTICATION_FAILED},
        {530, "5.7.10 encryption needed", ERROR_TLS_FAILED},
        {534, "5.7.9 mechanism too weak", ERROR_AUTHENTICATION_FAILED},
        {535, "5.7.8 credentials invalid", ERROR_AUTHENTICATION_FAILED},
        {535, "", ERROR_AUTHENTICATION_FAILED},
        {538, "5.7.11 encryption required", ERROR_TLS_FAILED},
        {550, "5.1.1 no such user", ERROR_INVALID_EMAIL},
        {550, "5.1.2 bad domain", ERROR_INVALID_EMAIL},
        {550, "5.1.8 sender's domain", ERROR_PERMISSION_DENIED},
        {550, "5.2.1 disabled", ERROR_MAILBOX_UNAVAILABLE},
        {550, "5.7.1 spam", ERROR_PROVIDER_REJECTED},
        {550, "5.7.26 unauthenticated", ERROR_PERMISSION_DENIED},
        {550, "no", ERROR_MAILBOX_UNAVAILABLE},
        {551, "user not local", ERROR_INVALID_EMAIL},
        {552, "5.2.2 mailbox full", ERROR_MAILBOX_UNAVAILABLE},
        {552, "5.3.4 too big", ERROR_MESSAGE_TOO_LARGE},
        {552, "", ERROR_MESSAGE_TOO_LARGE},
        {553, "", ERROR_INVALID_EMAIL},
        {554, "5.7.1 relay access denied", ERROR_PROVIDER_REJECTED},
        {554, "", ERROR_PROVIDER_REJECTED},
        {556, "5.1.10 null MX", ERROR_INVALID_EMAIL},
        {599, "what", ERROR_PROVIDER_REJECTED},
        /* what only looks like a status */
        {550, "4.1.1 of another class", ERROR_MAILBOX_UNAVAILABLE},
        {554, "5.1.1x", ERROR_PROVIDER_REJECTED},
        {554, "5.1", ERROR_PROVIDER_REJECTED},
        {554, "5.1.", ERROR_PROVIDER_REJECTED},
        {554, "5..1", ERROR_PROVIDER_REJECTED},
        {554, "5.99999999999999999999.1 x", ERROR_PROVIDER_REJECTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const enum error_code error = smtp_reply_judge(cases[i].code, cases[i].text);
        cr_expect_eq(error, cases[i].error, "%d %s: %s", cases[i].code, cases[i].text,
                     error_row(error)->name);
    }
}

Test(smtp, every_refusal_for_now_is_retried)
{
    for (int code = 400; code < 500; code++) {
        for (int subject = 0; subject < 10; subject++) {
            for (int detail = 0; detail < 30; detail++) {
                char text[32];
                (void)snprintf(text, sizeof text, "4.%d.%d x", subject, detail);
                const struct error_row *row = error_row(smtp_reply_judge(code, text));
                cr_assert(row->remedy == RETRYABLE && !row->may_be_delivered, "%d %s: %s", code, text,
                          row->name);
            }
        }
    }
}

static struct verdict judged(int code, const char *text)
{
    const struct provider_answer answer = {.status = code, .body = text, .body_length = strlen(text)};
    struct verdict verdict = {0};
    smtp.judge(&answer, &verdict);
    cr_expect_eq(verdict.http_status, code);
    return verdict;
}

Test(smtp, a_success_carries_the_servers_words)
{
    cr_expect_str_eq(judged(250, "2.0.0 Ok: queued as 4F2A").provider_message_id, "Ok: queued as 4F2A");
    cr_expect_str_eq(judged(250, "Ok 0102").provider_message_id, "Ok 0102");
    cr_expect_str_eq(judged(250, "").provider_message_id, "");
    cr_expect_str_eq(judged(250, "2.0.0").provider_message_id, "");
    cr_expect_str_eq(judged(550, "5.1.1 no such user").text, "550 5.1.1 no such user");
    const struct provider_answer shorter = {.status = 250, .body = "what was there before", .body_length = 0};
    struct verdict verdict = {0};
    smtp.judge(&shorter, &verdict);
    cr_expect_str_eq(verdict.provider_message_id, "");
}

Test(smtp, settings_that_are_missing_or_wrong_are_named)
{
    static const struct {
        const char *url, *tls, *username, *password, *from, *name, *says;
    } cases[] = {
        {"", "required", "", "", "a@example.com", "", "SMTP_URL"},
        {"mail.example.com", "required", "", "", "a@example.com", "", "SMTP_URL"},
        {"http://mail.example.com", "required", "", "", "a@example.com", "", "SMTP_URL"},
        {"smtp://", "required", "", "", "a@example.com", "", "SMTP_URL"},
        {"smtp://x:99999", "required", "", "", "a@example.com", "", "SMTP_URL"},
        {"smtp://x:port", "required", "", "", "a@example.com", "", "SMTP_URL"},
        {"smtp://me:secret@x", "required", "", "", "a@example.com", "", "SMTP_URL"},
        {"smtp://x/y?z", "required", "", "", "a@example.com", "", "SMTP_URL"},
        {"smtp://x\r\ny", "required", "", "", "a@example.com", "", "SMTP_URL"},
        {"smtps://x", "none", "", "", "a@example.com", "", "SMTP_TLS"},
        {"smtp://x", "opportunistic", "u", "p", "a@example.com", "", "SMTP_TLS"},
        {"smtp://x", "required", "u", "", "a@example.com", "", "SMTP_PASSWORD"},
        {"smtp://x", "required", "", "p", "a@example.com", "", "SMTP_USERNAME"},
        {"smtp://x", "required", "u", "p\n", "a@example.com", "", "SMTP_PASSWORD"},
        {"smtp://x", "required", "", "", "", "", "OUTBOUND_EMAIL_FROM"},
        {"smtp://x", "required", "", "", "nobody", "", "OUTBOUND_EMAIL_FROM"},
        {"smtp://x", "required", "", "", "a@example.com", "x\r\nBcc: y", "OUTBOUND_EMAIL_FROM_NAME"},
        {"smtp://x", "required", "", "", "a@example.com", "\xff", "OUTBOUND_EMAIL_FROM_NAME"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config with = config;
        with.smtp_url = cases[i].url;
        with.smtp_tls = cases[i].tls;
        with.smtp_username = cases[i].username;
        with.smtp_password = cases[i].password;
        with.email_from = cases[i].from;
        with.email_from_name = cases[i].name;
        struct endpoint endpoint;
        struct error error = {""};
        cr_expect_not(smtp.endpoint(&with, &endpoint, &error), "case %zu", i);
        EXPECT_SAYS(error.text, cases[i].says);
        cr_expect_null(strstr(error.text, "secret"), "a password in a message: %s", error.text);
    }
}

Test(smtp, certificates_must_be_readable)
{
    struct config with = config;
    struct endpoint endpoint;
    struct error error;
    with.smtp_ca_file = "/no/such/file";
    cr_expect_not(smtp.endpoint(&with, &endpoint, &error));
    EXPECT_SAYS(error.text, "SMTP_CA_FILE: cannot read /no/such/file");
    with.smtp_ca_file = temp_file("not a certificate\n");
    cr_expect_not(smtp.endpoint(&with, &endpoint, &error));
    EXPECT_SAYS(error.text, "SMTP_CA_FILE");
}

Test(smtp, fine_settings_become_the_endpoint)
{
    static const struct {
        const char *url, *tls;
        enum smtp_tls wanted;
    } cases[] = {
        {"smtp://mail.example.com", "required", SMTP_TLS_REQUIRED},
        {"smtp://[::1]:25/me.example.com", "none", SMTP_TLS_NONE},
        {"smtps://mail.example.com:465", "required", SMTP_TLS_REQUIRED},
        {"smtp://127.0.0.1:2525", "opportunistic", SMTP_TLS_OPPORTUNISTIC},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config with = config;
        with.smtp_url = cases[i].url;
        with.smtp_tls = cases[i].tls;
        if (cases[i].wanted == SMTP_TLS_OPPORTUNISTIC) {
            with.smtp_username = with.smtp_password = "";
        }
        struct endpoint endpoint;
        struct error error = {""};
        cr_assert(smtp.endpoint(&with, &endpoint, &error), "%s", error.text);
        cr_expect_str_eq(endpoint.mail.url, cases[i].url);
        cr_expect_eq(endpoint.mail.tls, cases[i].wanted);
        cr_expect_str_eq(endpoint.mail.username, with.smtp_username);
        cr_expect_eq(endpoint.max_connections, 20);
    }
}

Test(smtp, what_cannot_be_sent_is_not_built)
{
    static const struct {
        const char *to, *payload;
        enum error_code code;
        size_t limit;
    } cases[] = {
        {"ada@example.com", "{}", ERROR_TEMPLATE_NOT_FOUND, 65536},
        {"ada@example.com", "{\"text\":\"\",\"html\":7}", ERROR_TEMPLATE_NOT_FOUND, 65536},
        {"ada@example.com", "garbage", ERROR_TEMPLATE_NOT_FOUND, 65536},
        {"ada@example.com>\r\nDATA", "{\"text\":\"x\"}", ERROR_INVALID_EMAIL, 65536},
        {"ada@example.com", "{\"text\":\"x\"}", ERROR_MESSAGE_TOO_LARGE, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message message = message_of(cases[i].payload);
        message.to = cases[i].to;
        struct buffer body;
        buffer_init(&body, cases[i].limit);
        struct verdict verdict = {0};
        cr_expect_not(smtp.build(&config, &message, &body, &verdict), "case %zu", i);
        cr_expect_eq(verdict.code, cases[i].code, "case %zu", i);
        buffer_release(&body);
    }
}

/* 2026-11-22T09:08:07Z, a Sunday */
static struct mime_mail mail_of(const char *subject, const char *text, const char *html)
{
    return (struct mime_mail){.from = "from@example.com",
                              .from_name = "",
                              .to = "ada@example.org",
                              .subject = subject,
                              .message_id = "id.1",
                              .date = 1795338487,
                              .text = text_of(text),
                              .html = text_of(html)};
}

static void expect_mail(const struct mime_mail *mail, const char *wanted)
{
    struct buffer written;
    buffer_init(&written, 65536);
    mime_write(mail, &written);
    cr_expect_str_eq(written.bytes, wanted, "%s", written.bytes);
    buffer_release(&written);
}

Test(smtp, a_mail_with_both_texts_byte_for_byte)
{
    const struct mime_mail mail = mail_of("Welcome", "Hi", "<p>Hi</p>");
    expect_mail(&mail, "Date: Sun, 22 Nov 2026 09:08:07 +0000\r\n"
                       "From: from@example.com\r\n"
                       "To: ada@example.org\r\n"
                       "Subject: Welcome\r\n"
                       "Message-ID: <id.1@example.com>\r\n"
                       "MIME-Version: 1.0\r\n"
                       "Content-Type: multipart/alternative;\r\n"
                       " boundary=\"=_id.1\"\r\n"
                       "\r\n"
                       "--=_id.1\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: quoted-printable\r\n"
                       "\r\n"
                       "Hi\r\n"
                       "--=_id.1\r\n"
                       "Content-Type: text/html; charset=utf-8\r\n"
                       "Content-Transfer-Encoding: quoted-printable\r\n"
                       "\r\n"
                       "<p>Hi</p>\r\n"
                       "--=_id.1--\r\n");
}

/* The part of a mail behind `before`, up to `to`. */
static void expect_part(const struct mime_mail *mail, const char *before, const char *to, const char *wanted)
{
    struct buffer written;
    buffer_init(&written, 65536);
    mime_write(mail, &written);
    const char *from = strstr(written.bytes, before);
    cr_assert_not_null(from, "%s", written.bytes);
    from += strlen(before);
    const char *end = *to ? strstr(from, to) : from + strlen(from);
    cr_assert_not_null(end, "%s", written.bytes);
    cr_expect(strlen(wanted) == (size_t)(end - from) && memcmp(from, wanted, strlen(wanted)) == 0,
              "%.*s\nis not\n%s", (int)(end - from), from, wanted);
    buffer_release(&written);
}

#define X10 "xxxxxxxxxx"

Test(smtp, bodies_are_quoted_printable)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"a\nb\r\nc\rd\n\n", "a\r\nb\r\nc\r\nd\r\n\r\n"},
        {"a=b", "a=3Db"},
        {"caf\xc3\xa9", "caf=C3=A9"},
        {"end \nend\t\n x ", "end=20\r\nend=09\r\n x=20"},
        {X10 X10 X10 X10 X10 X10 X10 "123456", X10 X10 X10 X10 X10 X10 X10 "123456"},
        {X10 X10 X10 X10 X10 X10 X10 "1234567", X10 X10 X10 X10 X10 X10 X10 "12345=\r\n67"},
        {X10 X10 X10 X10 X10 X10 X10 "123\xc3\xa9", X10 X10 X10 X10 X10 X10 X10 "123=\r\n=C3=A9"},
        {X10 X10 X10 X10 X10 X10 X10 "12345 \n", X10 X10 X10 X10 X10 X10 X10 "12345=\r\n=20\r\n"},
        {".\n..\n", ".\r\n..\r\n"}, /* dots are the client's business */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct mime_mail mail = mail_of("s", cases[i].text, NULL);
        expect_part(&mail, "quoted-printable\r\n\r\n", "", cases[i].wanted);
    }
    const struct mime_mail with_nul = {.from = "a@b.c",
                                       .from_name = "",
                                       .to = "d@e.f",
                                       .subject = "s",
                                       .message_id = "i",
                                       .text = {"a\0b", 3}};
    expect_part(&with_nul, "quoted-printable\r\n\r\n", "", "a=00b");
}

Test(smtp, subjects_that_cannot_stand_as_they_are_become_encoded_words)
{
    static const struct {
        const char *subject, *wanted;
    } cases[] = {
        {"a: \"b\" <c>", "a: \"b\" <c>"},
        {"caf\xc3\xa9", "=?UTF-8?B?Y2Fmw6k=?="},
        {"=?x", "=?UTF-8?B?PT94?="},
        {" x", "=?UTF-8?B?IHg=?="},
        {X10 X10 X10 "123456789", X10 X10 X10 "123456789"},
        /* 39 bytes a word, but never half a character */
        {X10 X10 X10 "12345678\xc3\xa9",
         "=?UTF-8?B?eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4MTIzNDU2Nzg=?=\r\n =?UTF-8?B?w6k=?="},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct mime_mail mail = mail_of(cases[i].subject, "t", NULL);
        expect_part(&mail, "Subject: ", "\r\nMessage-ID", cases[i].wanted);
    }
}

Test(smtp, the_senders_name_is_quoted_or_encoded)
{
    static const struct {
        const char *name, *wanted;
    } cases[] = {
        {"", "from@example.com"},
        {"Team, \"A\" \\ B", "\"Team, \\\"A\\\" \\\\ B\"\r\n <from@example.com>"},
        {"\xc3\xa9", "=?UTF-8?B?w6k=?=\r\n <from@example.com>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mime_mail mail = mail_of("s", "t", NULL);
        mail.from_name = cases[i].name;
        expect_part(&mail, "From: ", "\r\nTo: ", cases[i].wanted);
    }
}
