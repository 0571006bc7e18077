#include "senders/sns/sns.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <curl/curl.h>
#include <string.h>

#include "support/answers.h"
#include "support/leaks.h"
#include "support/time_limit.h"

TestSuite(sns, .init = time_limit, .fini = no_leaks);

static const struct config config = {.aws_region = "eu-west-1",
                                     .aws_access_key_id = "AKIDEXAMPLE",
                                     .aws_secret_access_key = "secret",
                                     .aws_session_token = "",
                                     .aws_endpoint_url_sns = "",
                                     .sns_sender_id = "",
                                     .sns_sms_type = "Transactional"};

static struct message message_of(const char *payload)
{
    return (struct message){
        .attempt_no = 3, .org_id = "org", .to = "+491511234567", .template_code = "t", .payload = payload};
}

static void expect_built(const struct config *with, const char *payload, const char *expected)
{
    const struct message message = message_of(payload);
    struct buffer body;
    buffer_init(&body, 65536);
    struct verdict verdict = {0};
    cr_assert(sns.build(with, &message, &body, &verdict), "%s", verdict.text);
    cr_expect_str_eq(body.bytes, expected);
    buffer_release(&body);
}

#define TO "Action=Publish&Version=2010-03-31&PhoneNumber=%2B491511234567"
#define TYPE(value)                                       \
    "&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType" \
    "&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=" value

Test(sns, the_request_is_a_form)
{
    expect_built(&config, "{\"text\":\"Hi & \\\"you\\\" \\u00e9+\\n\"}",
                 TO "&Message=Hi%20%26%20%22you%22%20%C3%A9%2B%0A" TYPE("Transactional"));
    struct config with = config;
    with.sns_sms_type = "Promotional";
    with.sns_sender_id = "Acme1";
    expect_built(&with, "{\"text\":\"a\"}",
                 TO "&Message=a" TYPE("Promotional") "&MessageAttributes.entry.2.Name=AWS.SNS.SMS.SenderID"
                                                     "&MessageAttributes.entry.2.Value.DataType=String"
                                                     "&MessageAttributes.entry.2.Value.StringValue=Acme1");
}

Test(sns, what_cannot_be_sent_says_why)
{
    static const struct {
        const char *payload;
        size_t limit;
        enum error_code code;
    } cases[] = {
        {"{}", 65536, ERROR_TEMPLATE_NOT_FOUND},
        {"{\"text\":\"\"}", 65536, ERROR_TEMPLATE_NOT_FOUND},
        {"{\"text\":1}", 65536, ERROR_TEMPLATE_NOT_FOUND},
        {"{\"text\":\"a text\"}", 100, ERROR_MESSAGE_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct message message = message_of(cases[i].payload);
        struct buffer body;
        buffer_init(&body, cases[i].limit);
        struct verdict verdict = {0};
        cr_expect_not(sns.build(&config, &message, &body, &verdict));
        cr_expect_eq(verdict.code, cases[i].code, "%s", cases[i].payload);
        cr_expect_neq(*verdict.text, '\0');
        buffer_release(&body);
    }
}

Test(sns, settings_that_are_missing_or_wrong_are_named)
{
    static const struct {
        const char *sender_id, *region, *name;
    } cases[] = {
        {"123", "r", "SNS_SENDER_ID"},      {"Acme Inc", "r", "SNS_SENDER_ID"},
        {"Acme-1", "r", "SNS_SENDER_ID"},   {"abcdefghijkl", "r", "SNS_SENDER_ID"},
        {"\xc3\xa9", "r", "SNS_SENDER_ID"}, {"abcdefghijk", "", "AWS_REGION"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config with = config;
        with.sns_sender_id = cases[i].sender_id;
        with.aws_region = cases[i].region;
        struct endpoint endpoint = {0};
        struct error error;
        cr_expect_not(sns.endpoint(&with, &endpoint, &error), "case %zu", i);
        cr_expect_eq(strncmp(error.text, cases[i].name, strlen(cases[i].name)), 0, "%s", error.text);
    }
}

Test(sns, the_endpoint_is_that_of_the_region)
{
    struct endpoint endpoint = {0};
    struct error error;
    cr_assert(sns.endpoint(&config, &endpoint, &error), "%s", error.text);
    cr_expect_str_eq(endpoint.url, "https://sns.eu-west-1.amazonaws.com/");
    cr_expect_str_eq(endpoint.aws_sigv4, "aws:amz:eu-west-1:sns");
    cr_expect_str_eq(endpoint.headers->data, "Content-Type: application/x-www-form-urlencoded");
    curl_slist_free_all(endpoint.headers);
}

#define MESSAGE_ID "94f20ce6-13c5-43a0-9a9e-ca52d816e90b"
#define XMLNS "xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\""
#define ACCEPTED                                                                                      \
    "<PublishResponse " XMLNS ">\n  <PublishResult>\n    <MessageId>" MESSAGE_ID                      \
    "</MessageId>\n  </PublishResult>\n  <ResponseMetadata>\n    <RequestId>f187a3c1-376f-11df-8963-" \
    "01868b7c937a</RequestId>\n  </ResponseMetadata>\n</PublishResponse>"

Test(sns, a_success_carries_the_providers_id)
{
    const struct verdict verdict = answer_judged(&sns, 200, ACCEPTED, NULL);
    cr_expect_eq(verdict.code, ERROR_NONE);
    cr_expect_str_eq(verdict.provider_message_id, MESSAGE_ID);
    cr_expect_eq(answer_judged(&sns, 200, "<?xml version=\"1.0\"?>\n" ACCEPTED "\n", NULL).code, ERROR_NONE);
    answer_expect_all_of_it_is_needed(&sns, ACCEPTED);
}

Test(sns, answers_are_judged_as_documented)
{
    static const struct {
        int status;
        const char *said, *message;
        enum error_code code;
    } cases[] = {
        {400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: +1 is not valid to publish to",
         ERROR_INVALID_PHONE_NUMBER},
        {400, "InvalidParameter", "Invalid parameter: Phone number is opted out", ERROR_RECIPIENT_OPTED_OUT},
        {400, "InvalidParameter", "Invalid parameter: Message too long", ERROR_MESSAGE_TOO_LARGE},
        {400, "InvalidParameter", "Invalid parameter: Empty message", ERROR_INVALID_REQUEST},
        {400, "ParameterValueInvalid", "PhoneNumber", ERROR_INVALID_PHONE_NUMBER},
        {400, "ParameterValueInvalid", "The request parameter has an invalid value", ERROR_INVALID_REQUEST},
        {400, "InvalidParameterValue", "PhoneNumber", ERROR_INVALID_PHONE_NUMBER},
        {400, "InvalidParameterValue", "other", ERROR_INVALID_REQUEST},
        {400, "ValidationException", "phone number", ERROR_INVALID_PHONE_NUMBER},
        {400, "ValidationException", "other", ERROR_INVALID_REQUEST},
        {400, "OptedOut", "", ERROR_RECIPIENT_OPTED_OUT},
        {400, "UserError", "", ERROR_INVALID_REQUEST},
        {429, "Throttled", "", ERROR_RATE_LIMIT_EXCEEDED},
        {400, "Throttling", "Rate exceeded", ERROR_RATE_LIMIT_EXCEEDED},
        {400, "KMSThrottling", "", ERROR_RATE_LIMIT_EXCEEDED},
        {403, "AuthorizationError", "is not authorized to perform: SNS:Publish", ERROR_PERMISSION_DENIED},
        {400, "KMSAccessDenied", "", ERROR_PERMISSION_DENIED},
        {403, "KMSOptInRequired", "", ERROR_PERMISSION_DENIED},
        {403, "InvalidSecurity", "The credential signature isn't valid.", ERROR_AUTHENTICATION_FAILED},
        {403, "SignatureDoesNotMatch", "", ERROR_AUTHENTICATION_FAILED},
        {403, "InvalidClientTokenId", "", ERROR_AUTHENTICATION_FAILED},
        {403, "ExpiredToken", "", ERROR_AUTHENTICATION_FAILED},
        {404, "NotFound", "Topic does not exist", ERROR_INVALID_CONFIGURATION},
        {400, "EndpointDisabled", "", ERROR_INVALID_CONFIGURATION},
        {400, "PlatformApplicationDisabled", "", ERROR_INVALID_CONFIGURATION},
        {400, "KMSDisabled", "", ERROR_INVALID_CONFIGURATION},
        {400, "KMSInvalidState", "", ERROR_INVALID_CONFIGURATION},
        {400, "KMSNotFound", "", ERROR_INVALID_CONFIGURATION},
        {500, "InternalError", "", ERROR_TEMPORARY_ERROR},
        {500, "InternalFailure", "", ERROR_TEMPORARY_ERROR},
        {503, "ServiceUnavailable", "", ERROR_TEMPORARY_ERROR},
        {400, "Newcomer", "", ERROR_PROVIDER_REJECTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[1000];
        (void)snprintf(body, sizeof body,
                       "<ErrorResponse " XMLNS
                       "><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>"
                       "<RequestId>x</RequestId></ErrorResponse>",
                       cases[i].said, cases[i].message);
        const struct verdict verdict = answer_judged(&sns, cases[i].status, body, NULL);
        cr_expect_eq(verdict.code, cases[i].code, "%s %s: %s", cases[i].said, cases[i].message,
                     error_row(verdict.code)->name);
        cr_expect_not_null(strstr(verdict.text, cases[i].said));
        cr_expect_not_null(strstr(verdict.text, cases[i].message));
        cr_expect_str_eq(verdict.provider_message_id, "");
    }
}

Test(sns, what_is_not_understood_follows_the_status)
{
    static const struct {
        int status;
        const char *body;
        enum error_code code;
    } cases[] = {
        {200, "", ERROR_UNREADABLE_RESPONSE},
        {200, "OK", ERROR_UNREADABLE_RESPONSE},
        {200, "<html></html>", ERROR_UNREADABLE_RESPONSE},
        {200, "<PublishResponse/>", ERROR_UNREADABLE_RESPONSE},
        {200, "<PublishResponse><MessageId>x</MessageId></PublishResponse>", ERROR_UNREADABLE_RESPONSE},
        {200, "<PublishResponse><PublishResult><MessageId/></PublishResult></PublishResponse>",
         ERROR_UNREADABLE_RESPONSE},
        {200, "<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>",
         ERROR_UNREADABLE_RESPONSE},
        {202, ACCEPTED, ERROR_UNREADABLE_RESPONSE},
        {302, ACCEPTED, ERROR_PROVIDER_REJECTED},
        {400, "", ERROR_PROVIDER_REJECTED},
        {400, "<ErrorResponse><Error><Code>InvalidParameter</Code>", ERROR_PROVIDER_REJECTED},
        {429, "", ERROR_RATE_LIMIT_EXCEEDED},
        {500, ACCEPTED, ERROR_TEMPORARY_ERROR},
        {502, "<html>", ERROR_TEMPORARY_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct verdict verdict = answer_judged(&sns, cases[i].status, cases[i].body, NULL);
        cr_expect_eq(verdict.code, cases[i].code, "%d %s: %s", cases[i].status, cases[i].body,
                     error_row(verdict.code)->name);
        cr_expect_neq(*verdict.text, '\0', "%d: a refusal says why", cases[i].status);
        cr_expect_str_eq(verdict.provider_message_id, "");
    }
}

/* Files could be named in it, and a few lines grow to gigabytes. */
Test(sns, an_answer_with_entities_says_nothing)
{
    static const char *const declared[] = {
        "<!ENTITY l0 SYSTEM \"file:///etc/hostname\">",
        "<!ENTITY l0 \"&l1;&l1;&l1;&l1;&l1;&l1;&l1;&l1;&l1;&l1;\">"
        "<!ENTITY l1 \"&l2;&l2;&l2;&l2;&l2;&l2;&l2;&l2;&l2;&l2;\">"
        "<!ENTITY l2 \"&l3;&l3;&l3;&l3;&l3;&l3;&l3;&l3;&l3;&l3;\">"
        "<!ENTITY l3 \"&l4;&l4;&l4;&l4;&l4;&l4;&l4;&l4;&l4;&l4;\">"
        "<!ENTITY l4 \"&l5;&l5;&l5;&l5;&l5;&l5;&l5;&l5;&l5;&l5;\">"
        "<!ENTITY l5 \"&l6;&l6;&l6;&l6;&l6;&l6;&l6;&l6;&l6;&l6;\">"
        "<!ENTITY l6 \"&l7;&l7;&l7;&l7;&l7;&l7;&l7;&l7;&l7;&l7;\">"
        "<!ENTITY l7 \"&l8;&l8;&l8;&l8;&l8;&l8;&l8;&l8;&l8;&l8;\">"
        "<!ENTITY l8 \"lololololololololololololololololololololololololo\">",
    };
    for (size_t i = 0; i < sizeof declared / sizeof *declared; i++) {
        char body[2000];
        (void)snprintf(body, sizeof body,
                       "<!DOCTYPE x [%s]><ErrorResponse><Error><Code>UserError</Code>"
                       "<Message>&l0;</Message></Error></ErrorResponse>",
                       declared[i]);
        const struct verdict verdict = answer_judged(&sns, 400, body, NULL);
        cr_expect_eq(verdict.code, ERROR_PROVIDER_REJECTED);
        cr_expect_str_eq(verdict.text, "HTTP status 400");
    }
}
