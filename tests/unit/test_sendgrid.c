#include "senders/sendgrid/sendgrid.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <curl/curl.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "sandbox/sendgrid.h"

static const struct config config = {.email_from = "from@example.com",
                                     .email_from_name = "",
                                     .sendgrid_api_key = "SG.key",
                                     .sendgrid_base_url = "https://api.sendgrid.com",
                                     .sendgrid_templates = "welcome=d-0123456789abcdef0123456789abcdef"};

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

/* The request as the provider parses it; the provider's own rules find nothing wrong with it. */
static json_t *built(const struct config *with, const struct message *message)
{
    struct buffer body;
    buffer_init(&body, 65536);
    struct verdict verdict = {0};
    cr_assert(sendgrid.build(with, message, &body, &verdict), "%s", verdict.text);
    json_t *request = json_loadb(body.bytes, body.length, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(request, "%s", body.bytes);
    struct arena arena = {0};
    struct sendgrid_errors errors = {.arena = &arena};
    sendgrid_check(request, time(NULL), &errors);
    cr_assert_eq(errors.count, 0, "%s", errors.count ? errors.items[0].message : "");
    arena_release(&arena);
    buffer_release(&body);
    return request;
}

static const char *string_at(json_t *root, const char *first, const char *second)
{
    return json_string_value(
        json_object_get(second ? json_object_get(root, first) : root, second ? second : first));
}

Test(sendgrid, a_mapped_code_sends_the_template_with_the_payload_as_its_data)
{
    const struct message message = message_of("welcome", "{\"name\": \"Ada\", \"sum\": 1.10}");
    json_t *request = built(&config, &message);
    json_t *personalization = json_array_get(json_object_get(request, "personalizations"), 0);
    json_t *to = json_array_get(json_object_get(personalization, "to"), 0);
    cr_expect_str_eq(string_at(to, "email", NULL), "ada@example.com");
    cr_expect_str_eq(string_at(request, "from", "email"), "from@example.com");
    cr_expect_str_eq(string_at(request, "subject", NULL), message.subject);
    cr_expect_str_eq(string_at(request, "template_id", NULL), "d-0123456789abcdef0123456789abcdef");
    cr_expect_str_eq(string_at(personalization, "dynamic_template_data", "name"), "Ada");
    cr_expect_str_eq(string_at(personalization, "custom_args", "message_id"),
                     "00000000-0000-0000-0000-000000000000");
    cr_expect_str_eq(string_at(personalization, "custom_args", "attempt"), "3");
    cr_expect_null(json_object_get(request, "content"));
    json_decref(request);
}

Test(sendgrid, the_payload_goes_out_byte_for_byte)
{
    const struct message message = message_of("welcome", "{\"sum\": 1.10,  \"big\": 1e400}");
    struct buffer body;
    buffer_init(&body, 65536);
    struct verdict verdict = {0};
    cr_assert(sendgrid.build(&config, &message, &body, &verdict));
    cr_expect_not_null(strstr(body.bytes, "\"dynamic_template_data\":{\"sum\": 1.10,  \"big\": 1e400}"));
    buffer_release(&body);
}

Test(sendgrid, the_star_stands_for_every_other_code)
{
    struct config with = config;
    with.sendgrid_templates =
        "*=d-ffffffffffffffffffffffffffffffff,welcome=d-0123456789abcdef0123456789abcdef";
    struct message message = message_of("anything", "{}");
    json_t *request = built(&with, &message);
    cr_expect_str_eq(string_at(request, "template_id", NULL), "d-ffffffffffffffffffffffffffffffff");
    json_decref(request);
    message = message_of("welcome", "{}");
    request = built(&with, &message);
    cr_expect_str_eq(string_at(request, "template_id", NULL), "d-0123456789abcdef0123456789abcdef");
    json_decref(request);
}

Test(sendgrid, without_a_template_text_and_html_are_the_content_plain_first)
{
    const struct message message = message_of("none", "{\"html\":\"<p>hi</p>\",\"text\":\"hi\"}");
    json_t *request = built(&config, &message);
    json_t *content = json_object_get(request, "content");
    cr_assert_eq(json_array_size(content), 2);
    cr_expect_str_eq(string_at(json_array_get(content, 0), "type", NULL), "text/plain");
    cr_expect_str_eq(string_at(json_array_get(content, 0), "value", NULL), "hi");
    cr_expect_str_eq(string_at(json_array_get(content, 1), "type", NULL), "text/html");
    cr_expect_str_eq(string_at(json_array_get(content, 1), "value", NULL), "<p>hi</p>");
    json_decref(request);
}

Test(sendgrid, without_template_and_text_it_cannot_be_sent)
{
    static const char *const payloads[] = {"{}", "{\"text\":\"\"}", "{\"html\":7}"};
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        const struct message message = message_of("none", payloads[i]);
        struct buffer body;
        buffer_init(&body, 65536);
        struct verdict verdict = {0};
        cr_expect_not(sendgrid.build(&config, &message, &body, &verdict), "%s", payloads[i]);
        cr_expect_eq(verdict.code, ERROR_TEMPLATE_NOT_FOUND);
        cr_expect_not_null(strstr(verdict.text, "\"none\""));
        buffer_release(&body);
    }
}

Test(sendgrid, a_request_that_does_not_fit_is_too_large)
{
    const struct message message = message_of("welcome", "{\"name\":\"a payload of some length\"}");
    struct buffer body;
    buffer_init(&body, 100);
    struct verdict verdict = {0};
    cr_expect_not(sendgrid.build(&config, &message, &body, &verdict));
    cr_expect_eq(verdict.code, ERROR_MESSAGE_TOO_LARGE);
    buffer_release(&body);
}

Test(sendgrid, settings_that_are_missing_or_wrong_are_named)
{
    static const struct {
        const char *key, *from, *templates, *name;
    } cases[] = {
        {"", "a@example.com", "", "SENDGRID_API_KEY"},
        {"SG\r\nX: y", "a@example.com", "", "SENDGRID_API_KEY"},
        {"SG.key", "", "", "OUTBOUND_EMAIL_FROM"},
        {"SG.key", "not an address", "", "OUTBOUND_EMAIL_FROM"},
        {"SG.key", "a@example.com", "welcome", "SENDGRID_TEMPLATES"},
        {"SG.key", "a@example.com", "welcome=x-1", "SENDGRID_TEMPLATES"},
        {"SG.key", "a@example.com", "=d-1", "SENDGRID_TEMPLATES"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config with = config;
        with.sendgrid_api_key = cases[i].key;
        with.email_from = cases[i].from;
        with.sendgrid_templates = cases[i].templates;
        struct endpoint endpoint;
        struct error error;
        cr_expect_not(sendgrid.endpoint(&with, &endpoint, &error), "case %zu", i);
        cr_expect_eq(strncmp(error.text, cases[i].name, strlen(cases[i].name)), 0, "%s", error.text);
    }
}

Test(sendgrid, the_endpoint_has_the_key_and_no_expectation)
{
    struct endpoint endpoint;
    struct error error;
    cr_assert(sendgrid.endpoint(&config, &endpoint, &error));
    cr_expect_str_eq(endpoint.url, "https://api.sendgrid.com/v3/mail/send");
    cr_expect_str_eq(endpoint.headers->data, "Authorization: Bearer SG.key");
    curl_slist_free_all(endpoint.headers);
}

/* The headers of an answer, "name", "value", …, NULL. */
static const char *header_in(void *arg, const char *name)
{
    for (const char *const *pair = arg; pair && *pair; pair += 2) {
        if (strcasecmp(pair[0], name) == 0) {
            return pair[1];
        }
    }
    return NULL;
}

static struct verdict judged(int status, const char *body, const char *const *headers)
{
    const struct provider_answer answer = {.status = status,
                                           .body = body,
                                           .body_length = strlen(body),
                                           .header = header_in,
                                           .header_arg = (void *)headers};
    struct verdict verdict = {0};
    sendgrid.judge(&answer, &verdict);
    cr_expect_eq(verdict.http_status, status);
    return verdict;
}

#define ANSWER(message, field) \
    "{\"errors\":[{\"message\":\"" message "\",\"field\":" field ",\"help\":null}]}"

Test(sendgrid, answers_are_judged_as_documented)
{
    static const struct {
        int status;
        const char *body;
        enum error_code code;
    } cases[] = {
        {202, "", ERROR_NONE},
        {200, "", ERROR_UNREADABLE_RESPONSE},
        {204, "garbage", ERROR_UNREADABLE_RESPONSE},
        {302, "", ERROR_PROVIDER_REJECTED},
        {400, ANSWER("Does not contain a valid address.", "\"personalizations.0.to.0.email\""),
         ERROR_INVALID_EMAIL},
        {400, ANSWER("The template_id must be a valid GUID", "\"template_id\""), ERROR_TEMPLATE_NOT_FOUND},
        {400, ANSWER("Bad Request", "null"), ERROR_INVALID_REQUEST},
        {400, "", ERROR_INVALID_REQUEST},
        {400, "{\"errors\":[", ERROR_INVALID_REQUEST},
        {401, ANSWER("The provided authorization grant is invalid, expired, or revoked", "null"),
         ERROR_AUTHENTICATION_FAILED},
        {401, ANSWER("Maximum credits exceeded", "null"), ERROR_QUOTA_EXCEEDED},
        {403, ANSWER("The from address does not match a verified Sender Identity.", "\"from\""),
         ERROR_PERMISSION_DENIED},
        {403, ANSWER("Your account has been suspended", "null"), ERROR_ACCOUNT_SUSPENDED},
        {404, "", ERROR_PROVIDER_REJECTED},
        {413, "", ERROR_MESSAGE_TOO_LARGE},
        {418, "", ERROR_PROVIDER_REJECTED},
        {429, ANSWER("too many requests", "null"), ERROR_RATE_LIMIT_EXCEEDED},
        {500, "<html>", ERROR_TEMPORARY_ERROR},
        {503, "", ERROR_TEMPORARY_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct verdict verdict = judged(cases[i].status, cases[i].body, NULL);
        cr_expect_eq(verdict.code, cases[i].code, "%d %s: %s", cases[i].status, cases[i].body,
                     error_row(verdict.code)->name);
        cr_expect_eq(*verdict.text == '\0', verdict.code == ERROR_NONE, "%d: a refusal says why",
                     cases[i].status);
    }
}

Test(sendgrid, a_success_carries_the_providers_id)
{
    static const char *const headers[] = {"X-Message-Id", "GKQQ5Od7Tw2daAgYn3cLpA", NULL};
    cr_expect_str_eq(judged(202, "", headers).provider_message_id, "GKQQ5Od7Tw2daAgYn3cLpA");
    cr_expect_str_eq(judged(202, "", NULL).provider_message_id, "");
}

Test(sendgrid, the_reset_time_of_the_rate_limit_is_a_pause)
{
    char reset[32];
    (void)snprintf(reset, sizeof reset, "%lld", (long long)time(NULL) + 30);
    const char *const soon[] = {"X-RateLimit-Reset", reset, NULL};
    const struct verdict verdict = judged(429, "", soon);
    cr_expect(verdict.retry_after_ms >= 28000 && verdict.retry_after_ms <= 30000, "%lld",
              (long long)verdict.retry_after_ms);
    static const char *const past[] = {"X-RateLimit-Reset", "1", NULL};
    cr_expect_eq(judged(429, "", past).retry_after_ms, 0);
    static const char *const garbage[] = {"X-RateLimit-Reset", "soon", NULL};
    cr_expect_eq(judged(429, "", garbage).retry_after_ms, 0);
}
