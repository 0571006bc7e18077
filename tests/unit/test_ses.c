#include "senders/ses/ses.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <curl/curl.h>
#include <jansson.h>
#include <string.h>

#include "support/answers.h"
#include "support/leaks.h"

TestSuite(ses, .fini = no_leaks);

static const struct config config = {.email_from = "from@example.com",
                                     .email_from_name = "",
                                     .aws_region = "eu-west-1",
                                     .aws_access_key_id = "AKIDEXAMPLE",
                                     .aws_secret_access_key = "secret",
                                     .aws_session_token = "",
                                     .aws_endpoint_url_sesv2 = "",
                                     .ses_configuration_set = "",
                                     .ses_templates = "welcome=Welcome_2"};

static struct message message_of(const char *template_code, const char *payload)
{
    return (struct message){.attempt_no = 3,
                            .org_id = "org",
                            .to = "ada@example.com",
                            .template_code = template_code,
                            .subject = "Quote \" and \xc3\xa9",
                            .payload = payload,
                            .correlation_id = "c"};
}

/* The request equals this JSON text. */
static void expect_built(const struct config *with, const struct message *message, const char *expected)
{
    struct buffer body;
    buffer_init(&body, 65536);
    struct verdict verdict = {0};
    cr_assert(ses.build(with, message, &body, &verdict), "%s", verdict.text);
    json_t *built = json_loadb(body.bytes, body.length, JSON_REJECT_DUPLICATES, NULL);
    json_t *wanted = json_loads(expected, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(wanted);
    cr_expect(json_equal(built, wanted), "%s", body.bytes);
    json_decref(built);
    json_decref(wanted);
    buffer_release(&body);
}

#define DESTINATION "\"Destination\":{\"ToAddresses\":[\"ada@example.com\"]}"
#define TAGS                                                                                       \
    "\"EmailTags\":[{\"Name\":\"message_id\",\"Value\":\"00000000-0000-0000-0000-000000000000\"}," \
    "{\"Name\":\"attempt\",\"Value\":\"3\"}]"
#define SUBJECT "\"Subject\":{\"Data\":\"Quote \\\" and \xc3\xa9\",\"Charset\":\"UTF-8\"}"
#define TEXT_HI "\"Text\":{\"Data\":\"hi\",\"Charset\":\"UTF-8\"}"
#define HTML_HI "\"Html\":{\"Data\":\"<p>hi</p>\",\"Charset\":\"UTF-8\"}"
#define REQUEST(content) \
    "{\"FromEmailAddress\":\"from@example.com\"," DESTINATION "," TAGS ",\"Content\":" content "}"

Test(ses, without_a_template_text_and_html_are_the_body)
{
    struct message message = message_of("none", "{\"html\":\"<p>hi</p>\",\"text\":\"hi\"}");
    expect_built(&config, &message, REQUEST("{\"Simple\":{" SUBJECT ",\"Body\":{" TEXT_HI "," HTML_HI "}}}"));
    message.payload = "{\"text\":\"hi\"}";
    expect_built(&config, &message, REQUEST("{\"Simple\":{" SUBJECT ",\"Body\":{" TEXT_HI "}}}"));
    message.payload = "{\"html\":\"<p>hi</p>\",\"text\":\"\"}";
    expect_built(&config, &message, REQUEST("{\"Simple\":{" SUBJECT ",\"Body\":{" HTML_HI "}}}"));
}

Test(ses, a_mapped_code_sends_the_template_with_the_payload_as_its_data)
{
    const struct message message = message_of("welcome", "{\"name\": \"A\xc3\xa9\",  \"sum\": 1.10}");
    expect_built(&config, &message,
                 REQUEST("{\"Template\":{\"TemplateName\":\"Welcome_2\","
                         "\"TemplateData\":\"{\\\"name\\\": \\\"A\xc3\xa9\\\",  \\\"sum\\\": 1.10}\"}}"));
}

Test(ses, name_and_configuration_set_are_those_of_the_settings)
{
    struct config with = config;
    with.email_from_name = "The Team";
    with.ses_configuration_set = "events-1";
    with.ses_templates = "*=any";
    const struct message message = message_of("whatever", "{}");
    expect_built(&with, &message,
                 "{\"FromEmailAddress\":\"\\\"The Team\\\" <from@example.com>\"," DESTINATION "," TAGS
                 ",\"ConfigurationSetName\":\"events-1\","
                 "\"Content\":{\"Template\":{\"TemplateName\":\"any\",\"TemplateData\":\"{}\"}}}");
}

static struct verdict not_built(const struct message *message, size_t limit)
{
    struct buffer body;
    buffer_init(&body, limit);
    struct verdict verdict = {0};
    cr_expect_not(ses.build(&config, message, &body, &verdict));
    buffer_release(&body);
    return verdict;
}

Test(ses, what_cannot_be_sent_says_why)
{
    static const char *const payloads[] = {"{}", "{\"text\":\"\"}", "{\"html\":7}"};
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        const struct message message = message_of("none", payloads[i]);
        const struct verdict verdict = not_built(&message, 65536);
        cr_expect_eq(verdict.code, ERROR_TEMPLATE_NOT_FOUND);
        cr_expect_not_null(strstr(verdict.text, "\"none\""));
    }
    const struct message plain = message_of("none", "{\"text\":\"a text of some length\"}");
    cr_expect_eq(not_built(&plain, 300).code, ERROR_MESSAGE_TOO_LARGE);

    static char payload[262144 + 10] = "{\"a\":\"";
    memset(payload + 6, 'x', sizeof payload - 9);
    memcpy(payload + sizeof payload - 3, "\"}", 3);
    const struct message large = message_of("welcome", payload);
    cr_expect_eq(not_built(&large, (size_t)1024 * 1024).code, ERROR_MESSAGE_TOO_LARGE);
}

Test(ses, the_largest_template_data_goes_out)
{
    static char payload[262144 + 1] = "{\"a\":\"";
    memset(payload + 6, 'x', sizeof payload - 9);
    memcpy(payload + sizeof payload - 3, "\"}", 3);
    const struct message message = message_of("welcome", payload);
    struct buffer body;
    buffer_init(&body, (size_t)1024 * 1024);
    struct verdict verdict = {0};
    cr_expect(ses.build(&config, &message, &body, &verdict), "%s", verdict.text);
    buffer_release(&body);
}

Test(ses, settings_that_are_missing_or_wrong_are_named)
{
    static const struct {
        const char *from, *templates, *set, *region, *name;
    } cases[] = {
        {"", "", "", "r", "OUTBOUND_EMAIL_FROM"},
        {"a@example.com", "welcome", "", "r", "SES_TEMPLATES"},
        {"a@example.com", "welcome=", "", "r", "SES_TEMPLATES"},
        {"a@example.com", "welcome=a b", "", "r", "SES_TEMPLATES"},
        {"a@example.com", "=a", "", "r", "SES_TEMPLATES"},
        {"a@example.com", "a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", "r",
         "SES_TEMPLATES"},
        {"a@example.com", "", "a/b", "r", "SES_CONFIGURATION_SET"},
        {"a@example.com", "", "", "", "AWS_REGION"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config with = config;
        with.email_from = cases[i].from;
        with.ses_templates = cases[i].templates;
        with.ses_configuration_set = cases[i].set;
        with.aws_region = cases[i].region;
        struct endpoint endpoint = {0};
        struct error error;
        cr_expect_not(ses.endpoint(&with, &endpoint, &error), "case %zu", i);
        cr_expect_eq(strncmp(error.text, cases[i].name, strlen(cases[i].name)), 0, "%s", error.text);
    }
}

Test(ses, the_endpoint_is_that_of_the_region)
{
    struct endpoint endpoint = {0};
    struct error error;
    cr_assert(ses.endpoint(&config, &endpoint, &error), "%s", error.text);
    cr_expect_str_eq(endpoint.url, "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails");
    cr_expect_str_eq(endpoint.aws_sigv4, "aws:amz:eu-west-1:ses");
    curl_slist_free_all(endpoint.headers);
}

#define MESSAGE_ID "0100018b5a6f1c2d-9f3a-000000"
#define ACCEPTED "{\"MessageId\":\"" MESSAGE_ID "\"}"

Test(ses, a_success_carries_the_providers_id)
{
    const struct verdict verdict = answer_judged(&ses, 200, ACCEPTED, NULL);
    cr_expect_eq(verdict.code, ERROR_NONE);
    cr_expect_str_eq(verdict.provider_message_id, MESSAGE_ID);
    answer_expect_all_of_it_is_needed(&ses, ACCEPTED);
}

Test(ses, answers_are_judged_as_documented)
{
    static const struct {
        int status;
        const char *type, *message; /* of the error */
        enum error_code code;
    } cases[] = {
        {429, "TooManyRequestsException", "Too many requests", ERROR_RATE_LIMIT_EXCEEDED},
        {429, "TooManyRequestsException", "Daily message quota exceeded.", ERROR_QUOTA_EXCEEDED},
        {429, "TooManyRequestsException", "Maximum sending rate exceeded.", ERROR_RATE_LIMIT_EXCEEDED},
        {400, "ThrottlingException", "Daily message quota exceeded", ERROR_QUOTA_EXCEEDED},
        {400, "ThrottlingException", "Rate exceeded", ERROR_RATE_LIMIT_EXCEEDED},
        {400, "LimitExceededException", "Too many instances", ERROR_QUOTA_EXCEEDED},
        {400, "LimitExceededException", "Maximum sending rate exceeded.", ERROR_RATE_LIMIT_EXCEEDED},
        {400, "AccountSuspendedException", "restricted", ERROR_ACCOUNT_SUSPENDED},
        {400, "SendingPausedException", "Sending paused for this account.", ERROR_SENDING_PAUSED},
        {400, "MailFromDomainNotVerifiedException", "not verified", ERROR_PERMISSION_DENIED},
        {400, "MessageRejected",
         "Email address is not verified. The following identities failed the check in region EU-WEST-1: "
         "a@b.c",
         ERROR_PERMISSION_DENIED},
        {400, "MessageRejected", "Sending paused for this account.", ERROR_SENDING_PAUSED},
        {400, "MessageRejected", "The message contains a virus", ERROR_CONTENT_REJECTED},
        {404, "NotFoundException", "Template nope does not exist.", ERROR_TEMPLATE_NOT_FOUND},
        {404, "NotFoundException", "Configuration set <x> does not exist.", ERROR_INVALID_CONFIGURATION},
        {400, "BadRequestException", "Illegal address", ERROR_INVALID_EMAIL},
        {400, "BadRequestException", "Missing final '@domain'", ERROR_INVALID_EMAIL},
        {400, "BadRequestException", "Domain contains illegal character", ERROR_INVALID_EMAIL},
        {400, "BadRequestException", "Template data is no JSON", ERROR_INVALID_REQUEST},
        {400, "BadRequestException", "Message length is too long", ERROR_MESSAGE_TOO_LARGE},
        {400, "BadRequestException", "Whatever", ERROR_INVALID_REQUEST},
        {400, "BadRequestException:http://internal.amazon.com/coral/", "Whatever", ERROR_INVALID_REQUEST},
        {403, "SignatureDoesNotMatch", "The request signature we calculated…", ERROR_AUTHENTICATION_FAILED},
        {403, "UnrecognizedClientException", "The security token is invalid.", ERROR_AUTHENTICATION_FAILED},
        {403, "ExpiredTokenException", "expired", ERROR_AUTHENTICATION_FAILED},
        {403, "AccessDeniedException", "is not authorized to perform: ses:SendEmail",
         ERROR_PERMISSION_DENIED},
        {500, "InternalFailure", "", ERROR_TEMPORARY_ERROR},
        {503, "ServiceUnavailable", "", ERROR_TEMPORARY_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const headers[] = {"x-amzn-errortype", cases[i].type, NULL};
        char body[400];
        (void)snprintf(body, sizeof body, "{\"message\":\"%s\"}", cases[i].message);
        struct verdict verdict = answer_judged(&ses, cases[i].status, body, headers);
        cr_expect_eq(verdict.code, cases[i].code, "%s %s: %s", cases[i].type, cases[i].message,
                     error_row(verdict.code)->name);
        cr_expect_not_null(strstr(verdict.text, cases[i].message));

        /* The name may be in the body instead. */
        (void)snprintf(body, sizeof body, "{\"__type\":\"com.amazonaws.ses#%s\",\"Message\":\"%s\"}",
                       cases[i].type, cases[i].message);
        verdict = answer_judged(&ses, cases[i].status, body, NULL);
        cr_expect_eq(verdict.code, cases[i].code, "%s in the body", cases[i].type);
    }
}

Test(ses, what_is_not_understood_follows_the_status)
{
    static const struct {
        int status;
        const char *body;
        enum error_code code;
    } cases[] = {
        {200, "", ERROR_UNREADABLE_RESPONSE},
        {200, "<html>", ERROR_UNREADABLE_RESPONSE},
        {200, "{}", ERROR_UNREADABLE_RESPONSE},
        {200, "[]", ERROR_UNREADABLE_RESPONSE},
        {200, "{\"MessageId\":\"\"}", ERROR_UNREADABLE_RESPONSE},
        {200, "{\"MessageId\":7}", ERROR_UNREADABLE_RESPONSE},
        {200, "{\"message\":\"no\"}", ERROR_UNREADABLE_RESPONSE},
        {204, ACCEPTED, ERROR_UNREADABLE_RESPONSE},
        {302, ACCEPTED, ERROR_PROVIDER_REJECTED},
        {400, "", ERROR_PROVIDER_REJECTED},
        {400, "{\"message\":", ERROR_PROVIDER_REJECTED},
        {413, "", ERROR_PROVIDER_REJECTED},
        {429, "", ERROR_RATE_LIMIT_EXCEEDED},
        {500, ACCEPTED, ERROR_TEMPORARY_ERROR},
        {502, "<html>", ERROR_TEMPORARY_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct verdict verdict = answer_judged(&ses, cases[i].status, cases[i].body, NULL);
        cr_expect_eq(verdict.code, cases[i].code, "%d %s: %s", cases[i].status, cases[i].body,
                     error_row(verdict.code)->name);
        cr_expect_neq(*verdict.text, '\0', "%d: a refusal says why", cases[i].status);
        cr_expect_str_eq(verdict.provider_message_id, "");
    }
}
