#include "senders/aws.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define REGION_MAX 32
#define TOKEN_MAX ((size_t)16 * 1024)

static bool check_secret(const char *name, const char *value, struct error *error)
{
    if (!*value) {
        return error_set(error, "%s: is required to send by an Amazon service", name);
    }
    return text_is_visible_ascii(text_of(value)) ||
           error_set(error, "%s: must not contain spaces, line ends or other invisible characters", name);
}

static bool check_settings(const struct config *config, struct error *error)
{
    static const char region_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const size_t length = strlen(config->aws_region);
    if (length == 0) {
        return error_set(error, "AWS_REGION: is required to send by an Amazon service");
    }
    if (length > REGION_MAX || strspn(config->aws_region, region_characters) != length) {
        return error_set(error, "AWS_REGION: \"%s\" is not the name of a region, like eu-west-1",
                         config->aws_region);
    }
    if (strlen(config->aws_session_token) > TOKEN_MAX) {
        return error_set(error, "AWS_SESSION_TOKEN: is too long");
    }
    return check_secret("AWS_ACCESS_KEY_ID", config->aws_access_key_id, error) &&
           check_secret("AWS_SECRET_ACCESS_KEY", config->aws_secret_access_key, error) &&
           (!*config->aws_session_token ||
            check_secret("AWS_SESSION_TOKEN", config->aws_session_token, error));
}

static bool has_part(CURLU *url, CURLUPart part, const char *but)
{
    char *text = NULL;
    const bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK && strcmp(text, but) != 0;
    curl_free(text);
    return there;
}

/* http(s)://host[:port]: with a path the signature would depend on how its characters are written. */
static bool is_origin(const char *text)
{
    CURLU *url = curl_url();
    const bool fine = (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0) &&
                      curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                      !has_part(url, CURLUPART_PATH, "/") && !has_part(url, CURLUPART_QUERY, "") &&
                      !has_part(url, CURLUPART_FRAGMENT, "") && !has_part(url, CURLUPART_USER, "") &&
                      !strpbrk(text, "?#@");
    curl_url_cleanup(url);
    return fine;
}

static bool write_url(const struct config *config, const struct aws_service *service, const char *given,
                      struct endpoint *ret_endpoint, struct error *error)
{
    const size_t size = sizeof ret_endpoint->url;
    int length;
    if (*given) {
        if (!is_origin(given)) {
            return error_set(error, "%s: is not of the form https://host or http://host:port",
                             service->url_setting);
        }
        const size_t origin_length = strlen(given) - (given[strlen(given) - 1] == '/');
        length = snprintf(ret_endpoint->url, size, "%.*s%s", (int)origin_length, given, service->path);
    } else {
        const bool china = strncmp(config->aws_region, "cn-", 3) == 0;
        length = snprintf(ret_endpoint->url, size, "https://%s.%s.amazonaws.com%s%s", service->host,
                          config->aws_region, china ? ".cn" : "", service->path);
    }
    return (size_t)length < size || error_set(error, "%s: is too long", service->url_setting);
}

bool aws_endpoint(const struct config *config, const struct aws_service *service, const char *url,
                  struct endpoint *ret_endpoint, struct error *error)
{
    struct endpoint endpoint = {.user = config->aws_access_key_id, .password = config->aws_secret_access_key};
    if (!check_settings(config, error) || !write_url(config, service, url, &endpoint, error)) {
        return false;
    }
    (void)snprintf(endpoint.aws_sigv4, sizeof endpoint.aws_sigv4, "aws:amz:%s:%s", config->aws_region,
                   service->name);
    struct buffer header;
    buffer_init(&header, TOKEN_MAX + 64);
    buffer_format(&header, "Content-Type: %s", service->content_type);
    endpoint.headers = curl_slist_append(NULL, header.bytes);
    if (*config->aws_session_token) {
        buffer_clear(&header);
        buffer_format(&header, "X-Amz-Security-Token: %s", config->aws_session_token);
        endpoint.headers = curl_slist_append(endpoint.headers, header.bytes);
    }
    buffer_release(&header);
    *ret_endpoint = endpoint;
    return true;
}

static const struct aws_rule common_rules[] = {
    {"Throttling", NULL, ERROR_RATE_LIMIT_EXCEEDED},
    {"ThrottlingException", NULL, ERROR_RATE_LIMIT_EXCEEDED},
    {"ThrottledException", NULL, ERROR_RATE_LIMIT_EXCEEDED},
    {"TooManyRequestsException", NULL, ERROR_RATE_LIMIT_EXCEEDED},
    {"RequestLimitExceeded", NULL, ERROR_RATE_LIMIT_EXCEEDED},
    {"AccessDenied", NULL, ERROR_PERMISSION_DENIED},
    {"AccessDeniedException", NULL, ERROR_PERMISSION_DENIED},
    {"OptInRequired", NULL, ERROR_PERMISSION_DENIED},
    {"ExpiredToken", NULL, ERROR_AUTHENTICATION_FAILED},
    {"ExpiredTokenException", NULL, ERROR_AUTHENTICATION_FAILED},
    {"IncompleteSignature", NULL, ERROR_AUTHENTICATION_FAILED},
    {"IncompleteSignatureException", NULL, ERROR_AUTHENTICATION_FAILED},
    {"InvalidClientTokenId", NULL, ERROR_AUTHENTICATION_FAILED},
    {"InvalidSignatureException", NULL, ERROR_AUTHENTICATION_FAILED},
    {"MissingAuthenticationToken", NULL, ERROR_AUTHENTICATION_FAILED},
    {"MissingAuthenticationTokenException", NULL, ERROR_AUTHENTICATION_FAILED},
    {"NotAuthorized", NULL, ERROR_AUTHENTICATION_FAILED},
    {"RequestExpired", NULL, ERROR_AUTHENTICATION_FAILED},
    {"SignatureDoesNotMatch", NULL, ERROR_AUTHENTICATION_FAILED},
    {"UnrecognizedClientException", NULL, ERROR_AUTHENTICATION_FAILED},
    {"InvalidAction", NULL, ERROR_INVALID_CONFIGURATION},
    {"UnknownOperationException", NULL, ERROR_INVALID_CONFIGURATION},
    {"MalformedHttpRequestException", NULL, ERROR_INVALID_REQUEST},
    {"MalformedQueryString", NULL, ERROR_INVALID_REQUEST},
    {"InvalidParameterCombination", NULL, ERROR_INVALID_REQUEST},
    {"InvalidParameterValue", NULL, ERROR_INVALID_REQUEST},
    {"InvalidQueryParameter", NULL, ERROR_INVALID_REQUEST},
    {"MissingAction", NULL, ERROR_INVALID_REQUEST},
    {"MissingParameter", NULL, ERROR_INVALID_REQUEST},
    {"SerializationException", NULL, ERROR_INVALID_REQUEST},
    {"ValidationError", NULL, ERROR_INVALID_REQUEST},
    {"ValidationException", NULL, ERROR_INVALID_REQUEST},
    {"RequestEntityTooLarge", NULL, ERROR_MESSAGE_TOO_LARGE},
    {"RequestEntityTooLargeException", NULL, ERROR_MESSAGE_TOO_LARGE},
    {"RequestAbortedException", NULL, ERROR_CONNECTION_LOST}, /* "before a reply is sent back" */
    {"RequestTimeoutException", NULL, ERROR_TEMPORARY_ERROR},
    {"InternalFailure", NULL, ERROR_TEMPORARY_ERROR},
    {"InternalServerError", NULL, ERROR_TEMPORARY_ERROR},
    {"InternalServerException", NULL, ERROR_TEMPORARY_ERROR},
    {"ServiceUnavailable", NULL, ERROR_TEMPORARY_ERROR},
    {"ServiceUnavailableException", NULL, ERROR_TEMPORARY_ERROR},
};

static const struct aws_rule *find_rule(const struct aws_rule *rules, size_t count,
                                        const struct aws_error *said)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rules[i].code, said->code) == 0 &&
            (!rules[i].words || strcasestr(said->message, rules[i].words))) {
            return &rules[i];
        }
    }
    return NULL;
}

void aws_judge(const struct provider_answer *answer, const struct aws_error *said,
               const struct aws_rule *rules, size_t rule_count, struct verdict *ret_verdict)
{
    enum error_code code = verdict_of_status(answer->status);
    if (answer->status >= 300) {
        const struct aws_rule *rule = find_rule(rules, rule_count, said);
        rule = rule ? rule : find_rule(common_rules, COUNT_OF(common_rules), said);
        code = rule ? rule->meaning : code;
    }
    if (*said->code) {
        verdict_set(ret_verdict, code, "%s%s%s", said->code, *said->message ? ": " : "", said->message);
    } else {
        verdict_set(ret_verdict, code, "HTTP status %d%s%s", answer->status, *said->message ? ": " : "",
                    said->message);
    }
    ret_verdict->http_status = answer->status;
    ret_verdict->retry_after_ms = verdict_pause_ms(answer->retry_after_s);
}
