#include "base/smtp_client.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "base/clock.h"
#include "support/leaks.h"
#include "support/loop.h"
#include "support/says.h"
#include "support/smtp_peer.h"
#include "support/time_limit.h"

TestSuite(smtp_client, .init = time_limit, .fini = no_leaks);

#define MAIL "Subject: hi\r\n\r\nhello\r\n"
#define HUGE_SIZE ((size_t)32 * 1024 * 1024) /* more than the sockets between can hold */

/* A client, its only exchange, and the server. */
struct fixture {
    struct test_loop loop;
    struct smtp_client_options options;
    struct smtp_peer *peer;
    struct smtp_client *client;
    struct smtp_exchange *exchange;
};

static void open_with(struct fixture *fixture, const struct smtp_step *steps, unsigned timeout_ms)
{
    loop_open(&fixture->loop);
    fixture->peer = smtp_peer_open(steps);
    fixture->options = (struct smtp_client_options){.url = smtp_peer_url(fixture->peer),
                                                    .tls = SMTP_TLS_NONE,
                                                    .username = "",
                                                    .password = "",
                                                    .ca_file = "",
                                                    .connect_timeout_ms = timeout_ms,
                                                    .total_timeout_ms = timeout_ms,
                                                    .idle_timeout_ms = 50000,
                                                    .reply_limit = 4096,
                                                    .mail_limit = HUGE_SIZE + 100};
    fixture->client = smtp_client_new(&fixture->loop.uv, &fixture->options);
    fixture->exchange = smtp_exchange_new(fixture->client);
}

static void open_fixture(struct fixture *fixture, const struct smtp_step *steps)
{
    open_with(fixture, steps, 40000);
}

/* What the server was told; the client has gone. */
static const char *close_client(struct fixture *fixture)
{
    smtp_exchange_free(fixture->exchange);
    smtp_client_free(fixture->client);
    loop_close(&fixture->loop);
    return smtp_peer_stop(fixture->peer);
}

struct ended {
    int times;
    CURLcode code;
    int status;
    bool may_be_received;
    char text[512];
    char error[512];
};

static void on_done(void *arg, const struct http_result *result)
{
    struct ended *ended = arg;
    ended->times++;
    ended->code = result->code;
    ended->status = result->status;
    ended->may_be_received = result->may_be_received;
    (void)snprintf(ended->text, sizeof ended->text, "%.*s", (int)result->body->length,
                   result->body->length ? result->body->bytes : "");
    (void)snprintf(ended->error, sizeof ended->error, "%s", result->error);
}

static void start(struct smtp_exchange *exchange, const char *mail, struct ended *ret_ended)
{
    *ret_ended = (struct ended){0};
    cr_assert(eq(sz, smtp_exchange_mail(exchange)->length, 0), "the last mail is still there");
    buffer_text(smtp_exchange_mail(exchange), mail);
    smtp_exchange_start(exchange, "us@example.com", "ada@example.org", on_done, ret_ended);
    cr_assert(eq(int, ret_ended->times, 0), "ended within the call that starts it");
}

static struct ended send_mail(struct fixture *fixture, const char *mail)
{
    struct ended ended;
    start(fixture->exchange, mail, &ended);
    LOOP_UNTIL(&fixture->loop, ended.times > 0);
    cr_assert(eq(int, ended.times, 1));
    return ended;
}

static void expect_reply(const struct ended *ended, int status, const char *text)
{
    cr_expect(eq(int, ended->code, CURLE_OK), "%s", ended->error);
    cr_expect(eq(int, ended->status, status));
    cr_expect(eq(str, (char *)ended->text, (char *)text));
}

static void expect_failure(const struct ended *ended, CURLcode code, bool may_be_received)
{
    cr_expect(eq(int, ended->code, code), "%d: %s", ended->code, ended->error);
    cr_expect(eq(int, ended->status, 0));
    cr_expect(eq(int, ended->may_be_received, may_be_received), "%s", ended->error);
    cr_expect(ne(str, (char *)ended->error, ""));
}

static int times_said(const char *said, const char *words)
{
    int times = 0;
    for (; (said = strstr(said, words)); said += strlen(words)) {
        times++;
    }
    return times;
}

static const struct smtp_step as_usual[] = {{NULL}};

Test(smtp_client, mails_arrive_byte_for_byte_on_one_connection)
{
    struct fixture fixture;
    open_fixture(&fixture, as_usual);
    struct ended ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    ended = send_mail(&fixture, "A: b\r\n\r\n.\r\n..x\r\ny.\r\n.z");
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    cr_expect(eq(str, (char *)close_client(&fixture),
                 "1 EHLO me\r\n"
                 "1 MAIL FROM:<us@example.com>\r\n1 RCPT TO:<ada@example.org>\r\n1 DATA\r\n"
                 "1 Subject: hi\r\n\r\nhello\r\n.\r\n"
                 "1 MAIL FROM:<us@example.com>\r\n1 RCPT TO:<ada@example.org>\r\n1 DATA\r\n"
                 "1 A: b\r\n\r\n..\r\n...x\r\ny.\r\n..z\r\n.\r\n"
                 "1 QUIT\r\n"));
    smtp_peer_free(fixture.peer);
}

Test(smtp_client, a_large_mail_arrives_whole)
{
    struct fixture fixture;
    open_fixture(&fixture, as_usual);
    static char mail[1000100];
    memset(mail, 'x', 1000000);
    const struct ended ended = send_mail(&fixture, mail);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    const char *content = strstr(close_client(&fixture), "DATA\r\n1 ") + 8;
    cr_expect(eq(sz, strspn(content, "x"), 1000000));
    cr_expect(strncmp(content + 1000000, "\r\n.\r\n", 5) == 0);
    smtp_peer_free(fixture.peer);
}

/* The reply that ends a mail, at each step of the transaction; the connection goes on with RSET. */
Test(smtp_client, a_refusal_is_a_reply_and_the_next_mail_goes_through)
{
    static const struct smtp_step steps[][2] = {
        {{"MAIL", 1, "550 5.7.1 no\r\n"}},
        {{"RCPT", 1, "550 5.7.1 no\r\n"}},
        {{"DATA", 1, "550 5.7.1 no\r\n"}},
        {{"CONTENT", 1, "550-5.7.1\r\n550 no\r\n"}},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct fixture fixture;
        open_fixture(&fixture, steps[i]);
        struct ended ended = send_mail(&fixture, MAIL);
        expect_reply(&ended, 550, "5.7.1 no");
        cr_expect(eq(int, ended.may_be_received, strcmp(steps[i]->verb, "CONTENT") == 0));
        ended = send_mail(&fixture, MAIL);
        expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
        const char *said = close_client(&fixture);
        cr_expect(eq(int, times_said(said, "1 RSET\r\n1 MAIL"), 1), "%s", said);
        cr_expect(eq(int, times_said(said, "EHLO"), 1));
        smtp_peer_free(fixture.peer);
    }
}

/* What the server can have taken is decided by the last line of the mail, wherever the connection ends. */
Test(smtp_client, a_mail_may_be_received_only_after_its_last_line)
{
    static const struct {
        const char *verb;
        bool may_be_received;
    } cases[] = {{"MAIL", false}, {"RCPT", false}, {"DATA", false}, {"CONTENT", true}};
    static const enum peer_then ends[] = {THEN_CLOSE, THEN_RESET};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        const struct smtp_step steps[] = {{cases[i / 2].verb, 1, NULL, ends[i % 2]}, {NULL}};
        struct fixture fixture;
        open_fixture(&fixture, steps);
        struct ended ended = send_mail(&fixture, MAIL);
        expect_failure(&ended, ends[i % 2] == THEN_CLOSE ? CURLE_GOT_NOTHING : CURLE_RECV_ERROR,
                       cases[i / 2].may_be_received);
        ended = send_mail(&fixture, MAIL);
        expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
        const char *said = close_client(&fixture);
        cr_expect(eq(int, times_said(said, "hello"), cases[i / 2].may_be_received ? 2 : 1), "%s", said);
        smtp_peer_free(fixture.peer);
    }
}

/* The same on a connection that was kept: nothing is sent again behind our back. */
Test(smtp_client, a_kept_connection_that_dies_after_the_mail_leaves_it_undecided)
{
    static const struct smtp_step steps[] = {{"CONTENT", 2, NULL, THEN_CLOSE}, {NULL}};
    struct fixture fixture;
    open_fixture(&fixture, steps);
    struct ended ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    ended = send_mail(&fixture, MAIL);
    expect_failure(&ended, CURLE_GOT_NOTHING, true);
    const char *said = close_client(&fixture);
    cr_expect(eq(int, times_said(said, "1 Subject: hi"), 2), "%s", said);
    cr_expect(eq(int, times_said(said, "2 "), 0), "%s", said);
    smtp_peer_free(fixture.peer);
}

Test(smtp_client, a_kept_connection_that_dies_before_the_mail_decides_nothing)
{
    static const struct smtp_step steps[] = {{"MAIL", 2, NULL, THEN_CLOSE}, {NULL}};
    struct fixture fixture;
    open_fixture(&fixture, steps);
    struct ended ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    ended = send_mail(&fixture, MAIL);
    expect_failure(&ended, CURLE_GOT_NOTHING, false);
    (void)close_client(&fixture);
    smtp_peer_free(fixture.peer);
}

static struct ended send_huge_mail(struct fixture *fixture)
{
    char *mail = malloc(HUGE_SIZE + 1);
    memset(mail, 'x', HUGE_SIZE);
    mail[HUGE_SIZE] = '\0';
    const struct ended ended = send_mail(fixture, mail);
    free(mail);
    return ended;
}

/* The line with the dot never left. */
Test(smtp_client, a_connection_that_ends_in_the_middle_of_a_mail_decides_nothing)
{
    static const struct smtp_step steps[] = {{"DATA", 1, "354 go\r\n", THEN_CLOSE}, {NULL}};
    struct fixture fixture;
    open_fixture(&fixture, steps);
    const struct ended ended = send_huge_mail(&fixture);
    cr_expect(ne(int, ended.code, CURLE_OK));
    cr_expect(not(ended.may_be_received));
    (void)close_client(&fixture);
    smtp_peer_free(fixture.peer);
}

/* The rest is not sent; the connection, in the middle of a mail, is of no more use. */
Test(smtp_client, a_refusal_in_the_middle_of_a_mail_is_read)
{
    static const struct smtp_step steps[] = {{"DATA", 1, "354 go\r\n", .early = "552 5.3.4 too large\r\n"},
                                             {NULL}};
    struct fixture fixture;
    open_fixture(&fixture, steps);
    struct ended ended = send_huge_mail(&fixture);
    expect_reply(&ended, 552, "5.3.4 too large");
    cr_expect(not(ended.may_be_received));
    ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    const char *said = close_client(&fixture);
    cr_expect(eq(int, times_said(said, "EHLO"), 2), "%s", said);
    smtp_peer_free(fixture.peer);
}

/* A yes to a mail that the server cannot have read. */
Test(smtp_client, a_success_in_the_middle_of_a_mail_is_not_believed)
{
    static const struct smtp_step steps[] = {{"DATA", 1, "354 go\r\n", .early = "250 2.0.0 Ok: queued\r\n"},
                                             {NULL}};
    struct fixture fixture;
    open_fixture(&fixture, steps);
    const struct ended ended = send_huge_mail(&fixture);
    expect_failure(&ended, CURLE_WEIRD_SERVER_REPLY, false);
    (void)close_client(&fixture);
    smtp_peer_free(fixture.peer);
}

Test(smtp_client, an_idle_connection_may_be_older_than_the_time_out)
{
    struct fixture fixture;
    open_with(&fixture, as_usual, 1000);
    struct ended ended;
    start(fixture.exchange, MAIL, &ended);
    LOOP_UNTIL(&fixture.loop, ended.times > 0);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    const int64_t later_ms = clock_monotonic_ms() + 1200;
    LOOP_UNTIL(&fixture.loop, clock_monotonic_ms() > later_ms);
    cr_expect(eq(int, ended.times, 1), "it ended twice");
    ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    cr_expect(eq(int, times_said(close_client(&fixture), "EHLO"), 1));
    smtp_peer_free(fixture.peer);
}

/* Left in order, so that the server need not wait for its own time-out. */
Test(smtp_client, a_connection_that_was_idle_for_long_is_not_used_again)
{
    struct fixture fixture;
    open_fixture(&fixture, as_usual);
    smtp_exchange_free(fixture.exchange);
    smtp_client_free(fixture.client);
    fixture.options.idle_timeout_ms = 100;
    fixture.client = smtp_client_new(&fixture.loop.uv, &fixture.options);
    fixture.exchange = smtp_exchange_new(fixture.client);
    struct ended ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    const int64_t later_ms = clock_monotonic_ms() + 200;
    LOOP_UNTIL(&fixture.loop, clock_monotonic_ms() > later_ms);
    ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    const char *said = close_client(&fixture);
    cr_expect(eq(int, times_said(said, "1 QUIT"), 1), "%s", said);
    cr_expect(eq(int, times_said(said, "2 EHLO"), 1), "%s", said);
    smtp_peer_free(fixture.peer);
}

Test(smtp_client, a_connection_that_was_closed_while_idle_does_no_harm)
{
    static const struct smtp_step steps[] = {
        {"CONTENT", 1, "250 ok\r\n421 4.4.2 timeout exceeded\r\n", THEN_CLOSE}, {NULL}};
    struct fixture fixture;
    open_fixture(&fixture, steps);
    struct ended ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 250, "ok");
    ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    const char *said = close_client(&fixture);
    cr_expect(eq(int, times_said(said, "EHLO"), 2), "%s", said);
    smtp_peer_free(fixture.peer);
}

Test(smtp_client, a_server_that_closes_the_service_is_left)
{
    static const struct smtp_step steps[] = {{"MAIL", 1, "421 4.3.2 going down\r\n"}, {NULL}};
    struct fixture fixture;
    open_fixture(&fixture, steps);
    struct ended ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 421, "4.3.2 going down");
    cr_expect(not(ended.may_be_received));
    ended = send_mail(&fixture, MAIL);
    expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    cr_expect(eq(int, times_said(close_client(&fixture), "EHLO"), 2));
    smtp_peer_free(fixture.peer);
}

/* Replies that mean nothing, or come before they were asked for, are never taken for a yes. */
Test(smtp_client, a_reply_that_does_not_fit_is_an_error)
{
    static const struct {
        struct smtp_step steps[2];
        bool may_be_received;
    } cases[] = {
        {{{"MAIL", 1, "hello\r\n"}}, false},
        {{{"MAIL", 1, "354 go\r\n"}}, false},
        {{{"MAIL", 1, "250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n"}}, false},
        {{{"DATA", 1, "250 ok\r\n"}}, false},
        {{{"DATA", 1, "354 go\r\n250 queued\r\n", THEN_SAY_NO_MORE}}, false},
        {{{"CONTENT", 1, "354 go on\r\n"}}, true},
        {{{"CONTENT", 1, "250-queued\r\n550 not\r\n"}}, true},
        {{{"CONTENT", 1, "999 what\r\n"}}, true},
        {{{"CONTENT", 1, "HTTP/1.1 200 OK\r\n\r\n"}}, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        open_fixture(&fixture, cases[i].steps);
        const struct ended ended = send_mail(&fixture, MAIL);
        expect_failure(&ended, CURLE_WEIRD_SERVER_REPLY, cases[i].may_be_received);
        (void)close_client(&fixture);
        smtp_peer_free(fixture.peer);
    }
}

Test(smtp_client, a_reply_without_end_is_an_error)
{
    static char reply[10000] = "250-";
    memset(reply + 4, 'x', sizeof reply - 5);
    const struct smtp_step steps[] = {{"MAIL", 1, reply, THEN_SAY_NO_MORE}, {NULL}};
    struct fixture fixture;
    open_fixture(&fixture, steps);
    const struct ended ended = send_mail(&fixture, MAIL);
    expect_failure(&ended, CURLE_WEIRD_SERVER_REPLY, false);
    (void)close_client(&fixture);
    smtp_peer_free(fixture.peer);
}

Test(smtp_client, no_reply_in_time)
{
    static const struct {
        const char *verb;
        bool may_be_received;
    } cases[] = {{"GREETING", false}, {"EHLO", false}, {"MAIL", false}, {"DATA", false}, {"CONTENT", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct smtp_step steps[] = {{cases[i].verb, 1, NULL, THEN_SAY_NO_MORE}, {NULL}};
        struct fixture fixture;
        open_with(&fixture, steps, 200);
        const struct ended ended = send_mail(&fixture, MAIL);
        expect_failure(&ended, CURLE_OPERATION_TIMEDOUT, cases[i].may_be_received);
        (void)close_client(&fixture);
        smtp_peer_free(fixture.peer);
    }
}

/* What the server has against us is told, and no mail has left. */
Test(smtp_client, a_connection_that_is_refused_says_why)
{
    static const struct {
        struct smtp_step steps[3];
        enum smtp_tls tls;
        const char *username;
        CURLcode code;
        const char *says;
    } cases[] = {
        {{{"GREETING", 1, "554 5.7.1 blocked\r\n"}},
         SMTP_TLS_NONE,
         "",
         CURLE_WEIRD_SERVER_REPLY,
         "5.7.1 blocked"},
        {{{"EHLO", 1, "250 peer\r\n"}}, SMTP_TLS_REQUIRED, "", CURLE_USE_SSL_FAILED, "STARTTLS"},
        {{{"EHLO", 1, "250-peer\r\n250 STARTTLS\r\n"}, {"STARTTLS", 1, "454 4.7.0 not now\r\n", THEN_CLOSE}},
         SMTP_TLS_REQUIRED,
         "",
         CURLE_USE_SSL_FAILED,
         "not now"},
        {{{"EHLO", 1, "250-peer\r\n250 AUTH PLAIN\r\n"}, {"AUTH", 1, "535 5.7.8 bad\r\n", THEN_SAY_NO_MORE}},
         SMTP_TLS_NONE,
         "me",
         CURLE_LOGIN_DENIED,
         "5.7.8 bad"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        open_fixture(&fixture, cases[i].steps);
        smtp_exchange_free(fixture.exchange);
        smtp_client_free(fixture.client);
        fixture.options.tls = cases[i].tls;
        fixture.options.username = cases[i].username;
        fixture.options.password = cases[i].username;
        fixture.client = smtp_client_new(&fixture.loop.uv, &fixture.options);
        fixture.exchange = smtp_exchange_new(fixture.client);
        const struct ended ended = send_mail(&fixture, MAIL);
        expect_failure(&ended, cases[i].code, false);
        EXPECT_SAYS(ended.error, cases[i].says);
        cr_expect(eq(int, times_said(close_client(&fixture), "MAIL"), 0));
        smtp_peer_free(fixture.peer);
    }
}

/* libcurl's own SMTP transaction would stop the loop here (7.88.1). */
Test(smtp_client, a_slow_server_does_not_hold_up_others)
{
    static const struct smtp_step steps[] = {{"CONTENT", 1, NULL, THEN_SAY_NO_MORE}, {NULL}};
    struct fixture fixture;
    open_fixture(&fixture, steps);
    struct ended slow;
    start(fixture.exchange, MAIL, &slow);
    LOOP_UNTIL(&fixture.loop, smtp_peer_said(fixture.peer) >= 5);
    struct smtp_exchange *other = smtp_exchange_new(fixture.client);
    struct ended ended;
    for (int i = 0; i < 3; i++) {
        start(other, MAIL, &ended);
        LOOP_UNTIL(&fixture.loop, ended.times > 0);
        expect_reply(&ended, 250, "2.0.0 Ok: queued as 4F2A");
    }
    cr_expect(eq(int, slow.times, 0));
    smtp_exchange_free(other);
    (void)close_client(&fixture);
    smtp_peer_free(fixture.peer);
}

Test(smtp_client, an_exchange_can_be_freed_at_any_step)
{
    static const char *const verbs[] = {"GREETING", "EHLO", "MAIL", "DATA", "CONTENT"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const struct smtp_step steps[] = {{verbs[i], 1, NULL, THEN_SAY_NO_MORE}, {NULL}};
        struct fixture fixture;
        open_fixture(&fixture, steps);
        struct ended ended;
        start(fixture.exchange, MAIL, &ended);
        static const int said[] = {0, 1, 2, 4, 5};
        LOOP_UNTIL(&fixture.loop, smtp_peer_said(fixture.peer) >= said[i]);
        (void)close_client(&fixture);
        cr_expect(eq(int, ended.times, 0));
        smtp_peer_free(fixture.peer);
    }
}

Test(smtp_client, nothing_is_received_where_nobody_listens)
{
    struct fixture fixture;
    open_fixture(&fixture, as_usual);
    (void)smtp_peer_stop(fixture.peer);
    const struct ended ended = send_mail(&fixture, MAIL);
    expect_failure(&ended, CURLE_COULDNT_CONNECT, false);
    (void)close_client(&fixture);
    smtp_peer_free(fixture.peer);
}
