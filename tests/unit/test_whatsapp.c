#include "senders/whatsapp/whatsapp.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <curl/curl.h>
#include <jansson.h>
#include <string.h>

#include "sandbox/whatsapp.h"
#include "senders/whatsapp/whatsapp_codes.h"

#define HOUR_MS ((int64_t)3600 * 1000)

static const struct config config = {.whatsapp_phone_number_id = "106540352242922",
                                     .whatsapp_access_token = "EAAJB",
                                     .whatsapp_api_version = "v18.0",
                                     .whatsapp_base_url = "https://graph.facebook.com",
                                     .whatsapp_templates = "welcome=welcome_2:en_US,bye=bye:de"};

static struct message message_of(const char *template_code, const char *payload)
{
    return (struct message){.attempt_no = 3,
                            .org_id = "org",
                            .to = "+4915112345678",
                            .template_code = template_code,
                            .payload = payload,
                            .correlation_id = "c"};
}

/* The request as the provider parses it; the provider's own rules find nothing wrong with it. */
static json_t *built(const struct config *with, const struct message *message)
{
    struct buffer body;
    buffer_init(&body, 65536);
    struct verdict verdict = {0};
    cr_assert(whatsapp.build(with, message, &body, &verdict), "%s", verdict.text);
    json_t *request = json_loadb(body.bytes, body.length, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(request, "%s", body.bytes);
    struct arena arena = {0};
    struct whatsapp_error error;
    cr_assert(whatsapp_check(request, &arena, &error), "%s: %s", body.bytes, error.message);
    arena_release(&arena);
    buffer_release(&body);
    return request;
}

static void expect_request(const char *template_code, const char *payload, const char *content)
{
    char expected[2048];
    (void)snprintf(expected, sizeof expected,
                   "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\","
                   "\"to\":\"+4915112345678\","
                   "\"biz_opaque_callback_data\":\"00000000-0000-0000-0000-000000000000:3\",%s}",
                   content);
    const struct message message = message_of(template_code, payload);
    json_t *request = built(&config, &message);
    json_t *wanted = json_loads(expected, 0, NULL);
    cr_assert_not_null(wanted, "%s", expected);
    cr_expect(json_equal(request, wanted), "%s", json_dumps(request, 0));
    json_decref(request);
    json_decref(wanted);
}

Test(whatsapp, a_mapped_code_sends_the_template)
{
    expect_request(
        "welcome", "{\"name\":\"Ada\"}",
        "\"type\":\"template\",\"template\":{\"name\":\"welcome_2\",\"language\":{\"code\":\"en_US\"}}");
}

Test(whatsapp, components_and_language_come_from_the_payload)
{
    expect_request(
        "bye",
        "{\"language\":\"pt_BR\", \"components\":[{\"type\":\"body\",\"parameters\":"
        "[{\"type\":\"text\",\"text\":\"Ada\"}]}]}",
        "\"type\":\"template\",\"template\":{\"name\":\"bye\",\"language\":{\"code\":\"pt_BR\"},"
        "\"components\":[{\"type\":\"body\",\"parameters\":[{\"type\":\"text\",\"text\":\"Ada\"}]}]}");
}

Test(whatsapp, without_a_template_the_text_is_sent)
{
    expect_request("none", "{\"text\":\"Say \\\"hi\\\"\\n\xc3\xa9\"}",
                   "\"type\":\"text\",\"text\":{\"body\":\"Say \\\"hi\\\"\\n\xc3\xa9\"}");
}

Test(whatsapp, components_go_out_byte_for_byte)
{
    const struct message message =
        message_of("bye", "{\"components\": [{\"type\":\"body\",  \"parameters\":[{\"type\":\"location\","
                          "\"location\":{\"latitude\":1.10}}]}] }");
    struct buffer body;
    buffer_init(&body, 65536);
    struct verdict verdict = {0};
    cr_assert(whatsapp.build(&config, &message, &body, &verdict));
    cr_expect_not_null(strstr(body.bytes, "\"components\":[{\"type\":\"body\",  \"parameters\":[{"
                                          "\"type\":\"location\",\"location\":{\"latitude\":1.10}}]}]}}"));
    buffer_release(&body);
}

Test(whatsapp, the_star_stands_for_every_other_code)
{
    struct config with = config;
    with.whatsapp_templates = "*=any:en,welcome=welcome_2:en_US";
    static const char *const cases[][2] = {{"anything", "any"}, {"welcome", "welcome_2"}};
    for (size_t i = 0; i < 2; i++) {
        const struct message message = message_of(cases[i][0], "{}");
        json_t *request = built(&with, &message);
        cr_expect_str_eq(json_string_value(json_object_get(json_object_get(request, "template"), "name")),
                         cases[i][1]);
        json_decref(request);
    }
}

static void expect_not_sendable(const char *template_code, const char *payload, size_t limit,
                                enum error_code code)
{
    const struct message message = message_of(template_code, payload);
    struct buffer body;
    buffer_init(&body, limit);
    struct verdict verdict = {0};
    cr_expect_not(whatsapp.build(&config, &message, &body, &verdict), "%.60s", payload);
    cr_expect_eq(verdict.code, code, "%.60s: %s", payload, verdict.text);
    cr_expect_neq(*verdict.text, '\0');
    buffer_release(&body);
}

Test(whatsapp, what_cannot_be_sent)
{
    expect_not_sendable("none", "{}", 65536, ERROR_TEMPLATE_NOT_FOUND);
    expect_not_sendable("none", "{\"text\":\"\"}", 65536, ERROR_TEMPLATE_NOT_FOUND);
    expect_not_sendable("bye", "{\"components\":{}}", 65536, ERROR_INVALID_REQUEST);
    expect_not_sendable("bye", "{\"components\":null}", 65536, ERROR_INVALID_REQUEST);
    expect_not_sendable("bye", "{\"language\":\"\"}", 65536, ERROR_INVALID_REQUEST);
    expect_not_sendable("bye", "{\"language\":1}", 65536, ERROR_INVALID_REQUEST);
    expect_not_sendable("bye", "{\"components\":[]}", 100, ERROR_MESSAGE_TOO_LARGE);
    expect_not_sendable("none", "{\"text\":\"hi\"}", 100, ERROR_MESSAGE_TOO_LARGE);
    char payload[4096 + 32];
    (void)snprintf(payload, sizeof payload, "{\"text\":\"%04097d\"}", 0);
    expect_not_sendable("none", payload, 65536, ERROR_MESSAGE_TOO_LARGE);
}

Test(whatsapp, settings_that_are_missing_or_wrong_are_named)
{
    static const struct {
        const char *id, *token, *version, *templates, *name;
    } cases[] = {
        {"", "t", "v18.0", "", "WHATSAPP_PHONE_NUMBER_ID"},
        {"+4915112345678", "t", "v18.0", "", "WHATSAPP_PHONE_NUMBER_ID"},
        {"1", "", "v18.0", "", "WHATSAPP_ACCESS_TOKEN"},
        {"1", "two words", "v18.0", "", "WHATSAPP_ACCESS_TOKEN"},
        {"1", "t", "18.0", "", "WHATSAPP_API_VERSION"},
        {"1", "t", "v18", "", "WHATSAPP_API_VERSION"},
        {"1", "t", "v18.", "", "WHATSAPP_API_VERSION"},
        {"1", "t", "v18.0/x", "", "WHATSAPP_API_VERSION"},
        {"1", "t", "", "", "WHATSAPP_API_VERSION"},
        {"1", "t", "v18.0", "welcome", "WHATSAPP_TEMPLATES"},
        {"1", "t", "v18.0", "welcome=", "WHATSAPP_TEMPLATES"},
        {"1", "t", "v18.0", "welcome=name", "WHATSAPP_TEMPLATES"},
        {"1", "t", "v18.0", "welcome=name:", "WHATSAPP_TEMPLATES"},
        {"1", "t", "v18.0", "welcome=:en", "WHATSAPP_TEMPLATES"},
        {"1", "t", "v18.0", "welcome=Name:en", "WHATSAPP_TEMPLATES"},
        {"1", "t", "v18.0", "welcome=name:en-US", "WHATSAPP_TEMPLATES"},
        {"1", "t", "v18.0", "=name:en", "WHATSAPP_TEMPLATES"},
        {"1", "t", "v18.0", "a=name:en,b", "WHATSAPP_TEMPLATES"},
        {"1", "t", "v18.0", "a=name,b=c:en", "WHATSAPP_TEMPLATES"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config with = config;
        with.whatsapp_phone_number_id = cases[i].id;
        with.whatsapp_access_token = cases[i].token;
        with.whatsapp_api_version = cases[i].version;
        with.whatsapp_templates = cases[i].templates;
        struct endpoint endpoint;
        struct error error;
        cr_assert_not(whatsapp.endpoint(&with, &endpoint, &error), "case %zu", i);
        cr_expect_eq(strncmp(error.text, cases[i].name, strlen(cases[i].name)), 0, "%s", error.text);
    }
}

Test(whatsapp, a_base_url_that_is_too_long_is_named)
{
    char url[600];
    (void)snprintf(url, sizeof url, "https://%0500d", 0);
    struct config with = config;
    with.whatsapp_base_url = url;
    struct endpoint endpoint;
    struct error error;
    cr_assert_not(whatsapp.endpoint(&with, &endpoint, &error));
    cr_expect_str_eq(error.text, "WHATSAPP_BASE_URL: is too long");
}

Test(whatsapp, the_endpoint_has_version_number_and_token)
{
    struct endpoint endpoint;
    struct error error;
    cr_assert(whatsapp.endpoint(&config, &endpoint, &error), "%s", error.text);
    cr_expect_str_eq(endpoint.url, "https://graph.facebook.com/v18.0/106540352242922/messages");
    cr_expect_str_eq(endpoint.headers->data, "Authorization: Bearer EAAJB");
    cr_expect_str_eq(endpoint.headers->next->data, "Content-Type: application/json");
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
    whatsapp.judge(&answer, &verdict);
    cr_expect_eq(verdict.http_status, status);
    return verdict;
}

static struct verdict judged(int status, const char *body)
{
    return judged_after(status, body, 0);
}

#define REFUSAL(code)                                                               \
    "{\"error\":{\"message\":\"words\",\"type\":\"OAuthException\",\"code\":" #code \
    ",\"error_data\":{\"messaging_product\":\"whatsapp\",\"details\":\"details\"}," \
    "\"fbtrace_id\":\"A\"}}"
#define ACCEPTED(id)                                                                             \
    "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"+491\",\"wa_id\":\"491\"}]," \
    "\"messages\":[{\"id\":" id "}]}"

Test(whatsapp, answers_are_judged_by_the_apis_own_code)
{
    static const struct {
        int status;
        const char *body;
        enum error_code code;
    } cases[] = {
        {200, ACCEPTED("\"wamid.HBgL\""), ERROR_NONE},
        {200, "{\"messages\":[{\"id\":\"wamid.1\",\"message_status\":\"held_for_quality_assessment\"}]}",
         ERROR_NONE},
        {200, "", ERROR_UNREADABLE_RESPONSE},
        {200, "garbage", ERROR_UNREADABLE_RESPONSE},
        {200, "{\"messages\":[{\"id\":\"wamid.", ERROR_UNREADABLE_RESPONSE},
        {200, "{\"messages\":[]}", ERROR_UNREADABLE_RESPONSE},
        {200, "{\"messages\":{}}", ERROR_UNREADABLE_RESPONSE},
        {200, ACCEPTED("\"\""), ERROR_UNREADABLE_RESPONSE},
        {200, ACCEPTED("7"), ERROR_UNREADABLE_RESPONSE},
        {204, "", ERROR_UNREADABLE_RESPONSE},
        {302, "", ERROR_PROVIDER_REJECTED},
        {401, REFUSAL(0), ERROR_AUTHENTICATION_FAILED},
        {401, REFUSAL(190), ERROR_AUTHENTICATION_FAILED},
        {500, REFUSAL(3), ERROR_PERMISSION_DENIED},
        {403, REFUSAL(10), ERROR_PERMISSION_DENIED},
        {403, REFUSAL(200), ERROR_PERMISSION_DENIED},
        {403, REFUSAL(230), ERROR_PERMISSION_DENIED},
        {403, REFUSAL(299), ERROR_PERMISSION_DENIED},
        {400, REFUSAL(300), ERROR_PROVIDER_REJECTED},
        {403, REFUSAL(368), ERROR_ACCOUNT_SUSPENDED},
        {403, REFUSAL(131031), ERROR_ACCOUNT_SUSPENDED},
        {400, REFUSAL(131042), ERROR_QUOTA_EXCEEDED},
        {400, REFUSAL(133010), ERROR_PERMISSION_DENIED},
        {400, REFUSAL(4), ERROR_RATE_LIMIT_EXCEEDED},
        {400, REFUSAL(80007), ERROR_RATE_LIMIT_EXCEEDED},
        {400, REFUSAL(130429), ERROR_RATE_LIMIT_EXCEEDED},
        {429, REFUSAL(130429), ERROR_RATE_LIMIT_EXCEEDED},
        {400, REFUSAL(131048), ERROR_RATE_LIMIT_EXCEEDED},
        {400, REFUSAL(131056), ERROR_RECIPIENT_RATE_LIMIT_EXCEEDED},
        {429, REFUSAL(131056), ERROR_RECIPIENT_RATE_LIMIT_EXCEEDED},
        {400, REFUSAL(131049), ERROR_RECIPIENT_RATE_LIMIT_EXCEEDED},
        {400, REFUSAL(1), ERROR_TEMPORARY_ERROR},
        {503, REFUSAL(2), ERROR_TEMPORARY_ERROR},
        {500, REFUSAL(131000), ERROR_TEMPORARY_ERROR},
        {400, REFUSAL(131026), ERROR_RECIPIENT_UNREACHABLE},
        {400, REFUSAL(131047), ERROR_SERVICE_WINDOW_CLOSED},
        {400, REFUSAL(131050), ERROR_RECIPIENT_OPTED_OUT},
        {400, REFUSAL(131021), ERROR_INVALID_PHONE_NUMBER},
        {403, REFUSAL(130497), ERROR_REGION_NOT_ALLOWED},
        {400, REFUSAL(100), ERROR_INVALID_REQUEST},
        {400, "{\"error\":{\"message\":\"Unsupported post request.\",\"code\":100,\"error_subcode\":33}}",
         ERROR_PERMISSION_DENIED},
        {400, REFUSAL(131009), ERROR_INVALID_REQUEST},
        {400, REFUSAL(132000), ERROR_TEMPLATE_MISMATCH},
        {404, REFUSAL(132001), ERROR_TEMPLATE_NOT_APPROVED},
        {400, REFUSAL(132005), ERROR_TEMPLATE_MISMATCH},
        {400, REFUSAL(132007), ERROR_CONTENT_REJECTED},
        {400, REFUSAL(132012), ERROR_TEMPLATE_MISMATCH},
        {400, REFUSAL(132015), ERROR_TEMPLATE_NOT_APPROVED},
        {400, REFUSAL(132016), ERROR_TEMPLATE_NOT_APPROVED},
        {500, REFUSAL(132016), ERROR_TEMPLATE_NOT_APPROVED},
        {400, REFUSAL(999999), ERROR_PROVIDER_REJECTED},
        {500, REFUSAL(999999), ERROR_TEMPORARY_ERROR},
        {400, REFUSAL("190"), ERROR_PROVIDER_REJECTED},
        {400, REFUSAL(4294967486), ERROR_PROVIDER_REJECTED}, /* 190 modulo 2^32 */
        {400, "{\"error\":\"x\"}", ERROR_PROVIDER_REJECTED},
        {400, "{\"error\":{\"code\":190", ERROR_PROVIDER_REJECTED},
        {429, "", ERROR_RATE_LIMIT_EXCEEDED},
        {502, "<html>", ERROR_TEMPORARY_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct verdict verdict = judged(cases[i].status, cases[i].body);
        cr_expect_eq(verdict.code, cases[i].code, "%d %s: %s", cases[i].status, cases[i].body,
                     error_row(verdict.code)->name);
        cr_expect_eq(*verdict.text == '\0', verdict.code == ERROR_NONE, "%d %s: a refusal says why",
                     cases[i].status, cases[i].body);
    }
}

Test(whatsapp, a_success_carries_the_messages_id)
{
    cr_expect_str_eq(judged(200, ACCEPTED("\"wamid.HBgL\"")).provider_message_id, "wamid.HBgL");
}

Test(whatsapp, a_refusal_tells_code_words_and_details)
{
    cr_expect_str_eq(judged(400, REFUSAL(100)).text, "100: words: details");
    cr_expect_str_eq(judged(502, "").text, "HTTP status 502");
}

Test(whatsapp, limits_last_as_long_as_documented)
{
    cr_expect_eq(judged(429, REFUSAL(130429)).retry_after_ms, 0);
    cr_expect_eq(judged_after(429, REFUSAL(130429), 7).retry_after_ms, 7000);
    cr_expect_eq(judged(429, REFUSAL(131056)).retry_after_ms, 6000);
    cr_expect_eq(judged_after(429, REFUSAL(131056), 7).retry_after_ms, 7000);
    cr_expect_eq(judged(400, REFUSAL(80007)).retry_after_ms, HOUR_MS / 4);
    cr_expect_eq(judged(400, REFUSAL(131049)).retry_after_ms, 24 * HOUR_MS);
    cr_expect_eq(judged_after(400, REFUSAL(131026), 7).retry_after_ms, 0);
}

#define TO "\"messaging_product\":\"whatsapp\",\"to\":\"+4915112345678\""

/* The stand-in refuses what the reference does not allow, in codes that the driver knows. */
Test(whatsapp, the_sandbox_is_strict)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "{\"to\":\"+4915112345678\",\"text\":{\"body\":\"hi\"}}",
        "{\"messaging_product\":\"sms\",\"to\":\"+4915112345678\",\"text\":{\"body\":\"hi\"}}",
        "{\"messaging_product\":\"whatsapp\",\"text\":{\"body\":\"hi\"}}",
        "{\"messaging_product\":\"whatsapp\",\"to\":\"004915112345678\",\"text\":{\"body\":\"hi\"}}",
        "{" TO "}",
        "{" TO ",\"text\":{\"body\":\"\"}}",
        "{" TO ",\"text\":{\"body\":\"hi\",\"\xc3\xa9\":1}}",
        "{" TO ",\"text\":{\"body\":\"hi\"},\"subject\":\"x\"}",
        "{" TO ",\"type\":7,\"text\":{\"body\":\"hi\"}}",
        "{" TO ",\"recipient_type\":\"crowd\",\"text\":{\"body\":\"hi\"}}",
        "{" TO ",\"type\":\"poem\",\"text\":{\"body\":\"hi\"}}",
        "{" TO ",\"biz_opaque_callback_data\":7,\"text\":{\"body\":\"hi\"}}",
        "{" TO ",\"type\":\"template\"}",
        "{" TO ",\"type\":\"template\",\"template\":{\"name\":\"x\"}}",
        "{" TO ",\"type\":\"template\",\"template\":{\"language\":{\"code\":\"en\"}}}",
        "{" TO ",\"type\":\"template\",\"template\":{\"name\":\"x\",\"language\":\"en\"}}",
        "{" TO ",\"type\":\"template\",\"template\":{\"name\":\"x\",\"language\":{\"code\":\"en\"},"
        "\"components\":{}}}",
        "{" TO ",\"type\":\"template\",\"template\":{\"name\":\"x\",\"language\":{\"code\":\"en\"},"
        "\"components\":[{}]}}",
        "{" TO ",\"type\":\"template\",\"template\":{\"name\":\"x\",\"language\":{\"code\":\"en\"},"
        "\"components\":[{\"type\":\"body\",\"parameters\":[{\"type\":\"text\"}]}]}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct arena arena = {0};
        struct whatsapp_error error;
        struct buffer document;
        buffer_init(&document, 65536);
        json_t *body = json_loads(bodies[i], 0, NULL);
        cr_assert_not_null(body, "%s", bodies[i]);
        cr_assert_not(whatsapp_check(body, &arena, &error), "%s", bodies[i]);
        whatsapp_write_error(&error, &document);
        cr_expect_eq(judged(error.status, document.bytes).code, ERROR_INVALID_REQUEST, "%s: %s", bodies[i],
                     document.bytes);
        buffer_release(&document);
        arena_release(&arena);
        json_decref(body);
    }
}

Test(whatsapp, each_code_stands_in_the_table_once)
{
    for (size_t i = 0; i < whatsapp_codes_count; i++) {
        for (size_t j = 0; j < i; j++) {
            cr_expect_neq(whatsapp_codes[i].number, whatsapp_codes[j].number, "%d", whatsapp_codes[i].number);
        }
        cr_expect(whatsapp_codes[i].pause_s == 0 || error_row(whatsapp_codes[i].code)->remedy == RETRYABLE,
                  "%d", whatsapp_codes[i].number);
    }
}
