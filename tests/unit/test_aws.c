#include "senders/aws.h"

#include <criterion/criterion.h>
#include <curl/curl.h>
#include <string.h>

#include "support/leaks.h"

TestSuite(aws, .fini = no_leaks);

static const struct config config = {.aws_region = "eu-west-1",
                                     .aws_access_key_id = "AKIDEXAMPLE",
                                     .aws_secret_access_key = "secret/+",
                                     .aws_session_token = ""};

static const struct aws_service service = {.name = "ses",
                                           .host = "email",
                                           .path = "/v2/email/outbound-emails",
                                           .content_type = "application/json",
                                           .url_setting = "AWS_ENDPOINT_URL_SESV2"};

Test(aws, an_endpoint_has_what_a_signature_needs)
{
    struct config with = config;
    with.aws_session_token = "token";
    struct endpoint endpoint = {0};
    struct error error;
    cr_assert(aws_endpoint(&with, &service, "", &endpoint, &error), "%s", error.text);
    cr_expect_str_eq(endpoint.url, "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails");
    cr_expect_str_eq(endpoint.aws_sigv4, "aws:amz:eu-west-1:ses");
    cr_expect_str_eq(endpoint.user, "AKIDEXAMPLE");
    cr_expect_str_eq(endpoint.password, "secret/+");
    cr_expect_str_eq(endpoint.headers->data, "Content-Type: application/json");
    cr_expect_str_eq(endpoint.headers->next->data, "X-Amz-Security-Token: token");
    cr_expect_null(endpoint.headers->next->next);
    curl_slist_free_all(endpoint.headers);
}

Test(aws, the_host_is_the_regions_or_the_settings)
{
    static const struct {
        const char *region, *url, *expected;
    } cases[] = {
        {"us-east-1", "", "https://email.us-east-1.amazonaws.com/v2/email/outbound-emails"},
        {"cn-north-1", "", "https://email.cn-north-1.amazonaws.com.cn/v2/email/outbound-emails"},
        {"x", "http://127.0.0.1:5000", "http://127.0.0.1:5000/v2/email/outbound-emails"},
        {"x", "http://127.0.0.1:5000/", "http://127.0.0.1:5000/v2/email/outbound-emails"},
        {"x", "https://email-fips.us-east-1.amazonaws.com",
         "https://email-fips.us-east-1.amazonaws.com/v2/email/outbound-emails"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config with = config;
        with.aws_region = cases[i].region;
        struct endpoint endpoint = {0};
        struct error error;
        cr_assert(aws_endpoint(&with, &service, cases[i].url, &endpoint, &error), "%s", error.text);
        cr_expect_str_eq(endpoint.url, cases[i].expected);
        cr_expect_null(endpoint.headers->next, "there is no session token");
        curl_slist_free_all(endpoint.headers);
    }
}

Test(aws, settings_that_are_missing_or_wrong_are_named)
{
    static char long_text[20000];
    memset(long_text, 'x', sizeof long_text - 1);
    static char long_url[600] = "https://";
    memset(long_url + 8, 'x', sizeof long_url - 9);
    static const struct {
        const char *region, *id, *secret, *token, *url, *name;
    } cases[] = {
        {"", "i", "s", "", "", "AWS_REGION"},
        {"EU-West-1", "i", "s", "", "", "AWS_REGION"},
        {"eu:west", "i", "s", "", "", "AWS_REGION"},
        {"a.example.com/", "i", "s", "", "", "AWS_REGION"},
        {"abcdefghijklmnopqrstuvwxyz-abcdef", "i", "s", "", "", "AWS_REGION"},
        {"r", "", "s", "", "", "AWS_ACCESS_KEY_ID"},
        {"r", "i d", "s", "", "", "AWS_ACCESS_KEY_ID"},
        {"r", "i", "", "", "", "AWS_SECRET_ACCESS_KEY"},
        {"r", "i", "s\n", "", "", "AWS_SECRET_ACCESS_KEY"},
        {"r", "i", "s", "t\r\nX: y", "", "AWS_SESSION_TOKEN"},
        {"r", "i", "s", long_text, "", "AWS_SESSION_TOKEN"},
        {"r", "i", "s", "", "email.example.com", "AWS_ENDPOINT_URL_SESV2"},
        {"r", "i", "s", "", "ftp://example.com", "AWS_ENDPOINT_URL_SESV2"},
        {"r", "i", "s", "", "https://", "AWS_ENDPOINT_URL_SESV2"},
        {"r", "i", "s", "", "https://example.com/path", "AWS_ENDPOINT_URL_SESV2"},
        {"r", "i", "s", "", "https://example.com//", "AWS_ENDPOINT_URL_SESV2"},
        {"r", "i", "s", "", "https://example.com?q", "AWS_ENDPOINT_URL_SESV2"},
        {"r", "i", "s", "", "https://example.com/?", "AWS_ENDPOINT_URL_SESV2"},
        {"r", "i", "s", "", "https://example.com#f", "AWS_ENDPOINT_URL_SESV2"},
        {"r", "i", "s", "", "https://u:p@example.com", "AWS_ENDPOINT_URL_SESV2"},
        {"r", "i", "s", "", "https://exa mple.com", "AWS_ENDPOINT_URL_SESV2"},
        {"r", "i", "s", "", long_url, "AWS_ENDPOINT_URL_SESV2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct config with = {.aws_region = cases[i].region,
                                    .aws_access_key_id = cases[i].id,
                                    .aws_secret_access_key = cases[i].secret,
                                    .aws_session_token = cases[i].token};
        struct endpoint endpoint = {0};
        struct error error = {.text = ""};
        cr_expect_not(aws_endpoint(&with, &service, cases[i].url, &endpoint, &error), "case %zu", i);
        cr_expect_eq(strncmp(error.text, cases[i].name, strlen(cases[i].name)), 0, "case %zu: %s", i,
                     error.text);
        cr_expect_null(endpoint.headers);
    }
}

static const struct aws_rule rules[] = {
    {"Odd", "very", ERROR_INVALID_EMAIL},
    {"Odd", NULL, ERROR_CONTENT_REJECTED},
    {"ThrottlingException", "daily", ERROR_QUOTA_EXCEEDED},
};

static struct verdict judged(int status, const char *code, const char *message, int64_t retry_after_s)
{
    struct aws_error said = {.code = ""};
    (void)snprintf(said.code, sizeof said.code, "%s", code);
    (void)snprintf(said.message, sizeof said.message, "%s", message);
    const struct provider_answer answer = {.status = status, .retry_after_s = retry_after_s};
    struct verdict verdict = {0};
    aws_judge(&answer, &said, rules, sizeof rules / sizeof *rules, &verdict);
    cr_expect_eq(verdict.http_status, status);
    return verdict;
}

Test(aws, the_code_decides_then_the_status)
{
    static const struct {
        int status;
        const char *code, *message;
        enum error_code expected;
        const char *text;
    } cases[] = {
        {400, "Odd", "Very odd", ERROR_INVALID_EMAIL, "Odd: Very odd"},
        {400, "Odd", "", ERROR_CONTENT_REJECTED, "Odd"},
        {400, "ThrottlingException", "Daily message quota exceeded.", ERROR_QUOTA_EXCEEDED,
         "ThrottlingException: Daily message quota exceeded."},
        {400, "ThrottlingException", "Rate exceeded", ERROR_RATE_LIMIT_EXCEEDED,
         "ThrottlingException: Rate exceeded"},
        {503, "Odd", "x", ERROR_CONTENT_REJECTED, "Odd: x"},
        {403, "SignatureDoesNotMatch", "x", ERROR_AUTHENTICATION_FAILED, "SignatureDoesNotMatch: x"},
        {403, "AccessDeniedException", "x", ERROR_PERMISSION_DENIED, "AccessDeniedException: x"},
        {400, "RequestAbortedException", "", ERROR_CONNECTION_LOST, "RequestAbortedException"},
        {413, "RequestEntityTooLargeException", "", ERROR_MESSAGE_TOO_LARGE,
         "RequestEntityTooLargeException"},
        {503, "ServiceUnavailable", "", ERROR_TEMPORARY_ERROR, "ServiceUnavailable"},
        {400, "Newcomer", "", ERROR_PROVIDER_REJECTED, "Newcomer"},
        {500, "Newcomer", "", ERROR_TEMPORARY_ERROR, "Newcomer"},
        {429, "", "", ERROR_RATE_LIMIT_EXCEEDED, "HTTP status 429"},
        {404, "", "gone", ERROR_PROVIDER_REJECTED, "HTTP status 404: gone"},
        {302, "", "", ERROR_PROVIDER_REJECTED, "HTTP status 302"},
        {200, "Odd", "", ERROR_UNREADABLE_RESPONSE, "Odd"},
        {202, "", "", ERROR_UNREADABLE_RESPONSE, "HTTP status 202"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct verdict verdict = judged(cases[i].status, cases[i].code, cases[i].message, 0);
        cr_expect_eq(verdict.code, cases[i].expected, "%d %s: %s", cases[i].status, cases[i].code,
                     error_row(verdict.code)->name);
        cr_expect_str_eq(verdict.text, cases[i].text);
        cr_expect_eq(verdict.retry_after_ms, 0);
    }
}

Test(aws, a_pause_that_is_asked_for_is_kept)
{
    cr_expect_eq(judged(503, "ServiceUnavailable", "", 7).retry_after_ms, 7000);
    cr_expect_eq(judged(400, "ThrottlingException", "", 7).retry_after_ms, 7000);
}
