#include "senders/verdict.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

Test(verdict, a_transport_failure_is_unknown_only_after_the_request_had_begun)
{
    static const struct {
        CURLcode curl;
        bool may_be_received;
        enum error_code code;
    } cases[] = {
        {CURLE_COULDNT_RESOLVE_HOST, false, ERROR_CONNECTION_FAILED},
        {CURLE_COULDNT_CONNECT, false, ERROR_CONNECTION_FAILED},
        {CURLE_OPERATION_TIMEDOUT, false, ERROR_CONNECTION_FAILED},
        {CURLE_PEER_FAILED_VERIFICATION, false, ERROR_TLS_FAILED},
        {CURLE_SSL_CONNECT_ERROR, false, ERROR_TLS_FAILED},
        {CURLE_USE_SSL_FAILED, false, ERROR_TLS_FAILED},
        {CURLE_LOGIN_DENIED, false, ERROR_AUTHENTICATION_FAILED},
        {CURLE_WEIRD_SERVER_REPLY, false, ERROR_CONNECTION_FAILED},
        {CURLE_WEIRD_SERVER_REPLY, true, ERROR_UNREADABLE_RESPONSE},
        {CURLE_OPERATION_TIMEDOUT, true, ERROR_TIMEOUT},
        {CURLE_RECV_ERROR, true, ERROR_CONNECTION_LOST},
        {CURLE_GOT_NOTHING, true, ERROR_CONNECTION_LOST},
        {CURLE_ABORTED_BY_CALLBACK, true, ERROR_CONNECTION_LOST},
        {CURLE_PARTIAL_FILE, true, ERROR_CONNECTION_LOST},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct http_result result = {
            .code = cases[i].curl, .may_be_received = cases[i].may_be_received, .error = "why"};
        struct verdict verdict = {0};
        verdict_of_transport(&result, &verdict);
        cr_expect_eq(verdict.code, cases[i].code, "%s: %s", curl_easy_strerror(cases[i].curl),
                     error_row(verdict.code)->name);
        cr_expect_eq(error_row(verdict.code)->may_be_delivered, cases[i].may_be_received);
        cr_expect_str_eq(verdict.text, "why");
    }
}

Test(verdict, what_no_rule_knows_follows_the_status)
{
    cr_expect_eq(verdict_of_status(200), ERROR_UNREADABLE_RESPONSE);
    cr_expect_eq(verdict_of_status(301), ERROR_PROVIDER_REJECTED);
    cr_expect_eq(verdict_of_status(499), ERROR_PROVIDER_REJECTED);
    cr_expect_eq(verdict_of_status(429), ERROR_RATE_LIMIT_EXCEEDED);
    cr_expect_eq(verdict_of_status(500), ERROR_TEMPORARY_ERROR);
    cr_expect_eq(verdict_of_status(599), ERROR_TEMPORARY_ERROR);
    cr_expect(error_row(ERROR_UNREADABLE_RESPONSE)->may_be_delivered);
}

Test(verdict, a_pause_is_never_negative_and_never_absurd)
{
    static const struct {
        int64_t pause_s, pause_ms;
    } cases[] = {{INT64_MIN, 0}, {-1, 0}, {0, 0}, {1, 1000}, {604800, 604800000}, {INT64_MAX, 604800000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(verdict_pause_ms(cases[i].pause_s), cases[i].pause_ms);
    }
}

Test(verdict, text_can_be_stored_whatever_the_provider_says)
{
    static const struct {
        const char *said, *kept;
    } cases[] = {
        {"fine \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "fine \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"a\r\nb\tc\x7f", "a??b?c?"},
        {"\xff\xfe", "??"},
        {"\xc0\xaf", "??"},           /* overlong */
        {"\xed\xa0\x80", "???"},      /* surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* beyond Unicode */
        {"cut \xe2\x82", "cut ??"},
        {"cut \xf0", "cut ?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict verdict = {0};
        verdict_set(&verdict, ERROR_INVALID_REQUEST, "%s", cases[i].said);
        cr_expect_str_eq(verdict.text, cases[i].kept, "case %zu: %s", i, verdict.text);
    }
}

Test(verdict, a_long_text_is_cut_between_characters)
{
    char long_text[2 * VERDICT_TEXT_MAX + 2] = "";
    for (size_t i = 0; i + 2 < sizeof long_text; i += 2) {
        memcpy(long_text + i, "\xc3\xa9", 3);
    }
    struct verdict verdict = {0};
    verdict_set(&verdict, ERROR_INVALID_REQUEST, "%s", long_text);
    cr_expect_eq(strlen(verdict.text), VERDICT_TEXT_MAX - 1);
    cr_expect_eq(verdict.text[VERDICT_TEXT_MAX - 2], '?');
}
