#include "senders/twilio/twilio.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <curl/curl.h>
#include <string.h>

#include "sandbox/twilio.h"
#include "senders/twilio/twilio_codes.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define SERVICE "MG0123456789abcdef0123456789abcdef"
#define SID "SM0123456789abcdef0123456789ABCDEF"
#define T100 \
    "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"
#define T400 T100 T100 T100 T100
#define E100 \
    "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"
#define E400 E100 E100 E100 E100

static const struct config config = {.twilio_account_sid = ACCOUNT,
                                     .twilio_auth_token = "token",
                                     .twilio_from_number = "+15017122661",
                                     .twilio_messaging_service_sid = "",
                                     .twilio_status_callback_url = "",
                                     .twilio_base_url = "https://api.twilio.com"};

static struct message message_of(const char *payload)
{
    return (struct message){.attempt_no = 3,
                            .org_id = "org",
                            .to = "+15558675310",
                            .template_code = "code",
                            .payload = payload,
                            .correlation_id = "c"};
}

/* The form as the provider decodes it; the provider's own rules find nothing wrong with it. */
static struct form built(const struct config *with, const struct message *message, struct arena *arena)
{
    struct buffer body;
    buffer_init(&body, 65536);
    struct verdict verdict = {0};
    cr_assert(twilio.build(with, message, &body, &verdict), "%s", verdict.text);
    struct form form;
    cr_assert(form_parse(body.bytes, body.length, arena, &form), "%s", body.bytes);
    struct twilio_error error;
    cr_assert(twilio_check(&form, arena, &error), "%s: %s", body.bytes, error.message);
    buffer_release(&body);
    return form;
}

Test(twilio, the_request_has_the_fields_of_the_definition_and_no_others)
{
    struct arena arena = {0};
    const struct message message = message_of("{\"text\":\"A & B = 100 % + \xc3\xa9\\n?\", \"name\":\"x\"}");
    const struct form form = built(&config, &message, &arena);
    cr_expect(eq(sz, form.count, 3));
    cr_expect_str_eq(form_value(&form, "To"), "+15558675310");
    cr_expect_str_eq(form_value(&form, "From"), "+15017122661");
    cr_expect_str_eq(form_value(&form, "Body"), "A & B = 100 % + \xc3\xa9\n?");
    arena_release(&arena);
}

Test(twilio, a_messaging_service_chooses_the_sender)
{
    struct arena arena = {0};
    struct config with = config;
    with.twilio_from_number = "";
    with.twilio_messaging_service_sid = SERVICE;
    const struct message message = message_of("{\"text\":\"hi\"}");
    const struct form form = built(&with, &message, &arena);
    cr_expect(eq(sz, form.count, 3));
    cr_expect_str_eq(form_value(&form, "MessagingServiceSid"), SERVICE);
    cr_expect_null(form_value(&form, "From"));
    arena_release(&arena);
}

Test(twilio, the_status_callback_says_which_attempt_it_is_about)
{
    static const char *const cases[][2] = {
        {"https://example.com/receipts",
         "https://example.com/receipts?messageId=00000000-0000-0000-0000-000000000000&attempt=3"},
        {"https://example.com/receipts?a=b",
         "https://example.com/receipts?a=b&messageId=00000000-0000-0000-0000-000000000000&attempt=3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct config with = config;
        with.twilio_status_callback_url = cases[i][0];
        const struct message message = message_of("{\"text\":\"hi\"}");
        const struct form form = built(&with, &message, &arena);
        cr_expect_str_eq(form_value(&form, "StatusCallback"), cases[i][1]);
        arena_release(&arena);
    }
}

static void expect_not_sendable(const char *payload, size_t limit, enum error_code code)
{
    const struct message message = message_of(payload);
    struct buffer body;
    buffer_init(&body, limit);
    struct verdict verdict = {0};
    cr_expect_not(twilio.build(&config, &message, &body, &verdict), "%.40s", payload);
    cr_expect_eq(verdict.code, code, "%.40s", payload);
    cr_expect_neq(*verdict.text, '\0');
    buffer_release(&body);
}

Test(twilio, what_cannot_be_sent)
{
    expect_not_sendable("{}", 65536, ERROR_TEMPLATE_NOT_FOUND);
    expect_not_sendable("{\"text\":\"\"}", 65536, ERROR_TEMPLATE_NOT_FOUND);
    expect_not_sendable("{\"text\":7}", 65536, ERROR_TEMPLATE_NOT_FOUND);
    expect_not_sendable("{\"text\":\"hi\"}", 20, ERROR_MESSAGE_TOO_LARGE);
    expect_not_sendable("{\"text\":\"" T400 T400 T400 T400 "t\"}", 65536, ERROR_MESSAGE_TOO_LARGE);
}

Test(twilio, the_longest_text_is_counted_in_characters)
{
    struct arena arena = {0};
    const struct message message = message_of("{\"text\":\"" E400 E400 E400 E400 "\"}");
    const struct form form = built(&config, &message, &arena);
    cr_expect_str_eq(form_value(&form, "Body"), E400 E400 E400 E400);
    arena_release(&arena);
}

Test(twilio, settings_that_are_missing_or_wrong_are_named)
{
    static const struct {
        const char *account, *token, *from, *service, *callback, *name;
    } cases[] = {
        {"", "t", "+15017122661", "", "", "TWILIO_ACCOUNT_SID"},
        {SERVICE, "t", "+15017122661", "", "", "TWILIO_ACCOUNT_SID"},
        {ACCOUNT "0", "t", "+15017122661", "", "", "TWILIO_ACCOUNT_SID"},
        {"AC0123456789abcdef0123456789abcdeg", "t", "+15017122661", "", "", "TWILIO_ACCOUNT_SID"},
        {ACCOUNT, "", "+15017122661", "", "", "TWILIO_AUTH_TOKEN"},
        {ACCOUNT, "t\r\nX: y", "+15017122661", "", "", "TWILIO_AUTH_TOKEN"},
        {ACCOUNT, "t", "", "", "", "TWILIO_FROM_NUMBER"},
        {ACCOUNT, "t", "+0017122661", "", "", "TWILIO_FROM_NUMBER"},
        {ACCOUNT, "t", "Twelve_chars", "", "", "TWILIO_FROM_NUMBER"},
        {ACCOUNT, "t", "M\xc3\xbcller", "", "", "TWILIO_FROM_NUMBER"},
        {ACCOUNT, "t", "", ACCOUNT, "", "TWILIO_MESSAGING_SERVICE_SID"},
        {ACCOUNT, "t", "", SERVICE, "https://example.com/a b", "TWILIO_STATUS_CALLBACK_URL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config with = config;
        with.twilio_account_sid = cases[i].account;
        with.twilio_auth_token = cases[i].token;
        with.twilio_from_number = cases[i].from;
        with.twilio_messaging_service_sid = cases[i].service;
        with.twilio_status_callback_url = cases[i].callback;
        struct endpoint endpoint;
        struct error error;
        cr_assert_not(twilio.endpoint(&with, &endpoint, &error), "case %zu", i);
        cr_expect_eq(strncmp(error.text, cases[i].name, strlen(cases[i].name)), 0, "%s", error.text);
    }
}

Test(twilio, senders_may_be_numbers_short_codes_and_names)
{
    static const char *const senders[] = {"+15017122661", "12345", "Outbound 1", "A&B-C_D"};
    for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
        struct config with = config;
        with.twilio_from_number = senders[i];
        struct endpoint endpoint;
        struct error error;
        cr_assert(twilio.endpoint(&with, &endpoint, &error), "%s", error.text);
        curl_slist_free_all(endpoint.headers);
    }
}

Test(twilio, the_endpoint_has_basic_authentication)
{
    struct config with = config;
    with.twilio_base_url = "https://api.twilio.com/";
    struct endpoint endpoint;
    struct error error;
    cr_assert(twilio.endpoint(&with, &endpoint, &error), "%s", error.text);
    cr_expect_str_eq(endpoint.url, "https://api.twilio.com/2010-04-01/Accounts/" ACCOUNT "/Messages.json");
    cr_expect_str_eq(endpoint.headers->data, "Authorization: Basic "
                                             "QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp0b2tlbg==");
    cr_expect_str_eq(endpoint.headers->next->data, "Content-Type: application/x-www-form-urlencoded");
    curl_slist_free_all(endpoint.headers);
}

static const char *no_header(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return NULL;
}

static struct verdict judged_after(int status, const char *body, int64_t retry_after_s)
{
    const struct provider_answer answer = {.status = status,
                                           .body = body,
                                           .body_length = strlen(body),
                                           .retry_after_s = retry_after_s,
                                           .header = no_header};
    struct verdict verdict = {0};
    twilio.judge(&answer, &verdict);
    cr_expect_eq(verdict.http_status, status);
    return verdict;
}

static struct verdict judged(int status, const char *body)
{
    return judged_after(status, body, 0);
}

#define REFUSAL(code) "{\"code\":" #code ",\"message\":\"words\",\"more_info\":\"url\",\"status\":400}"
#define FAILED_MESSAGE(code) \
    "{\"sid\":\"" SID "\",\"status\":\"failed\",\"error_code\":" #code ",\"error_message\":\"words\"}"

Test(twilio, answers_are_judged_by_twilios_own_code)
{
    static const struct {
        int status;
        const char *body;
        enum error_code code;
    } cases[] = {
        {201, "{\"sid\":\"" SID "\",\"status\":\"queued\",\"error_code\":null}", ERROR_NONE},
        {201, "{\"sid\":\"" SID "\",\"status\":\"accepted\"}", ERROR_NONE},
        {200, "{\"sid\":\"MM0123456789abcdef0123456789abcdef\"}", ERROR_NONE},
        {201, "", ERROR_UNREADABLE_RESPONSE},
        {201, "<html>garbage</html>", ERROR_UNREADABLE_RESPONSE},
        {201, "{\"sid\":\"SM0123456789abcdef", ERROR_UNREADABLE_RESPONSE},
        {201, "{\"sid\":\"" ACCOUNT "\"}", ERROR_UNREADABLE_RESPONSE},
        {201, "{\"sid\":7}", ERROR_UNREADABLE_RESPONSE},
        {201, "[]", ERROR_UNREADABLE_RESPONSE},
        {204, "", ERROR_UNREADABLE_RESPONSE},
        {201, FAILED_MESSAGE(30002), ERROR_ACCOUNT_SUSPENDED},
        {201, FAILED_MESSAGE(30003), ERROR_RECIPIENT_UNAVAILABLE},
        {201, FAILED_MESSAGE(30005), ERROR_INVALID_PHONE_NUMBER},
        {201, FAILED_MESSAGE(30006), ERROR_RECIPIENT_UNREACHABLE},
        {201, FAILED_MESSAGE(30007), ERROR_CONTENT_REJECTED},
        {201, FAILED_MESSAGE(30008), ERROR_TEMPORARY_ERROR},
        {201, FAILED_MESSAGE(39999), ERROR_PROVIDER_REJECTED},
        {201, FAILED_MESSAGE(null), ERROR_PROVIDER_REJECTED},
        {302, "", ERROR_PROVIDER_REJECTED},
        {400, REFUSAL(21211), ERROR_INVALID_PHONE_NUMBER},
        {400, REFUSAL(21614), ERROR_INVALID_PHONE_NUMBER},
        {400, REFUSAL(21610), ERROR_RECIPIENT_OPTED_OUT},
        {400, REFUSAL(21612), ERROR_RECIPIENT_UNREACHABLE},
        {403, REFUSAL(21408), ERROR_REGION_NOT_ALLOWED},
        {400, REFUSAL(21606), ERROR_PERMISSION_DENIED},
        {400, REFUSAL(21608), ERROR_PERMISSION_DENIED},
        {400, REFUSAL(21617), ERROR_MESSAGE_TOO_LARGE},
        {400, REFUSAL(21602), ERROR_INVALID_REQUEST},
        {401, REFUSAL(20003), ERROR_AUTHENTICATION_FAILED},
        {403, REFUSAL(20005), ERROR_ACCOUNT_SUSPENDED},
        {403, REFUSAL(10001), ERROR_ACCOUNT_SUSPENDED},
        {429, REFUSAL(20429), ERROR_RATE_LIMIT_EXCEEDED},
        {400, REFUSAL(20429), ERROR_RATE_LIMIT_EXCEEDED},
        {429, REFUSAL(21611), ERROR_RATE_LIMIT_EXCEEDED},
        {429, REFUSAL(63038), ERROR_QUOTA_EXCEEDED},
        {500, REFUSAL(20500), ERROR_TEMPORARY_ERROR},
        {500, REFUSAL(21610), ERROR_RECIPIENT_OPTED_OUT},
        {400, REFUSAL(99999), ERROR_PROVIDER_REJECTED},
        {400, REFUSAL(null), ERROR_PROVIDER_REJECTED},
        {400, REFUSAL("21211"), ERROR_PROVIDER_REJECTED},
        {400, REFUSAL(-21211), ERROR_PROVIDER_REJECTED},
        {400, REFUSAL(4294988507), ERROR_PROVIDER_REJECTED}, /* 21211 modulo 2^32 */
        {429, "slow down", ERROR_RATE_LIMIT_EXCEEDED},
        {400, "{\"code\":21211", ERROR_PROVIDER_REJECTED},
        {503, "<html>", ERROR_TEMPORARY_ERROR},
        {500, REFUSAL(99999), ERROR_TEMPORARY_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct verdict verdict = judged(cases[i].status, cases[i].body);
        cr_expect_eq(verdict.code, cases[i].code, "%d %s: %s", cases[i].status, cases[i].body,
                     error_row(verdict.code)->name);
        cr_expect_eq(*verdict.text == '\0', verdict.code == ERROR_NONE, "%d %s: a refusal says why",
                     cases[i].status, cases[i].body);
    }
}

Test(twilio, a_success_carries_the_messages_sid)
{
    cr_expect_str_eq(judged(201, "{\"sid\":\"" SID "\"}").provider_message_id, SID);
    cr_expect_str_eq(judged(201, FAILED_MESSAGE(30007)).provider_message_id, SID);
    cr_expect_str_eq(judged(400, REFUSAL(21211)).provider_message_id, "");
}

Test(twilio, a_refusal_tells_code_and_words)
{
    cr_expect_str_eq(judged(400, REFUSAL(21211)).text, "21211: words");
    cr_expect_str_eq(judged(502, "").text, "HTTP status 502");
}

Test(twilio, the_longer_pause_counts)
{
    cr_expect_eq(judged(429, REFUSAL(20429)).retry_after_ms, 0);
    cr_expect_eq(judged_after(429, REFUSAL(20429), 7).retry_after_ms, 7000);
    cr_expect_eq(judged_after(503, "", 7).retry_after_ms, 7000);
    cr_expect_eq(judged(429, REFUSAL(63038)).retry_after_ms, DAY_MS);
    cr_expect_eq(judged_after(429, REFUSAL(63038), 7).retry_after_ms, DAY_MS);
    cr_expect_eq(judged_after(429, "", INT64_MAX).retry_after_ms, 7 * DAY_MS);
    cr_expect_eq(judged_after(400, REFUSAL(21211), 7).retry_after_ms, 0);
}

/* The stand-in refuses with codes that the driver knows. */
Test(twilio, the_sandbox_speaks_in_codes_of_the_table)
{
    static const struct {
        const char *form;
        enum error_code code;
    } cases[] = {
        {"From=%2B15017122661&Body=hi", ERROR_INVALID_PHONE_NUMBER},
        {"To=%2B15558675310&Body=hi", ERROR_INVALID_REQUEST},
        {"To=%2B15558675310&From=%2B15017122661", ERROR_INVALID_REQUEST},
        {"To=%2B15558675310&From=%2B15017122661&Body=", ERROR_INVALID_REQUEST},
        {"To=%2B15558675310&From=%2B15017122661&Body=" T400 T400 T400 T400 "t", ERROR_MESSAGE_TOO_LARGE},
        {"To=15558675310&From=%2B15017122661&Body=hi", ERROR_INVALID_PHONE_NUMBER},
        {"To=%2B15558675310&From=%2B15558675310&Body=hi", ERROR_INVALID_PHONE_NUMBER},
        {"To=%2B15558675310&From=%2B15017122661&Body=hi&Subject=x", ERROR_INVALID_REQUEST},
        {"To=%2B15558675310&MessagingServiceSid=MG1&Body=hi", ERROR_PERMISSION_DENIED},
        {"To=%2B15558675310&From=X&Body=hi&StatusCallback=ftp://x", ERROR_INVALID_REQUEST},
        {"To=%2B15005550001&From=X&Body=hi", ERROR_INVALID_PHONE_NUMBER},
        {"To=%2B15005550002&From=X&Body=hi", ERROR_RECIPIENT_UNREACHABLE},
        {"To=%2B15005550003&From=X&Body=hi", ERROR_REGION_NOT_ALLOWED},
        {"To=%2B15005550004&From=X&Body=hi", ERROR_RECIPIENT_OPTED_OUT},
        {"To=%2B15005550009&From=X&Body=hi", ERROR_INVALID_PHONE_NUMBER},
        {"To=%2B15558675310&From=%2B15005550001&Body=hi", ERROR_PERMISSION_DENIED},
        {"To=%2B15558675310&From=%2B15005550007&Body=hi", ERROR_PERMISSION_DENIED},
        {"To=%2B15558675310&From=%2B15005550008&Body=hi", ERROR_RATE_LIMIT_EXCEEDED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct form form;
        struct twilio_error error;
        struct buffer document;
        buffer_init(&document, 65536);
        cr_assert(form_parse(cases[i].form, strlen(cases[i].form), &arena, &form));
        cr_assert_not(twilio_check(&form, &arena, &error), "%s", cases[i].form);
        twilio_write_error(&error, &document);
        const struct verdict verdict = judged(error.status, document.bytes);
        cr_expect_eq(verdict.code, cases[i].code, "%s: %s", cases[i].form, verdict.text);
        buffer_release(&document);
        arena_release(&arena);
    }
}

Test(twilio, each_code_stands_in_the_table_once)
{
    for (size_t i = 0; i < twilio_codes_count; i++) {
        for (size_t j = 0; j < i; j++) {
            cr_expect_neq(twilio_codes[i].number, twilio_codes[j].number, "%d", twilio_codes[i].number);
        }
        cr_expect(twilio_codes[i].pause_s == 0 || error_row(twilio_codes[i].code)->remedy == RETRYABLE, "%d",
                  twilio_codes[i].number);
    }
}
