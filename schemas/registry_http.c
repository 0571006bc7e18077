#include "schemas/registry_http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/ca_file.h"
#include "base/http_client.h"
#include "base/memory.h"

#define CONNECT_TIMEOUT_MS 3000
#define TOTAL_TIMEOUT_MS 10000
#define CONNECTIONS_MAX 4
#define ANSWER_LIMIT ((size_t)1024 * 1024)
/* As much of a registry's words as a person wants to read. */
#define WORDS_MAX 300

struct request;

struct registry_http {
    struct http_client *client;
    struct curl_slist *headers;
    char *url; /* without a slash at its end */
    char *user;
    char *password;      /* in the same memory */
    struct request *all; /* under way */
};

struct request {
    struct registry_http *http;
    struct http_exchange *exchange;
    struct request *next;
    registry_reply_fn *done;
    void *arg;
};

struct registry_http *registry_http_open(uv_loop_t *loop, const struct config *config, struct error *error)
{
    const char *ca_file = *config->registry_ca_file ? config->registry_ca_file : NULL;
    if (!ca_file_check("SCHEMA_REGISTRY_SSL_CA_LOCATION", config->registry_ca_file, error)) {
        return NULL;
    }
    struct registry_http *http = NEW(struct registry_http);
    http->client =
        http_client_new(loop, &(struct http_client_options){.connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                                            .total_timeout_ms = TOTAL_TIMEOUT_MS,
                                                            .max_connections = CONNECTIONS_MAX,
                                                            .response_limit = ANSWER_LIMIT + 1,
                                                            .plain_http = true,
                                                            .ca_file = ca_file});
    http->headers =
        curl_slist_append(NULL, "Accept: application/vnd.schemaregistry.v1+json, application/json");
    http->headers = curl_slist_append(http->headers, "Content-Type: application/vnd.schemaregistry.v1+json");
    http->url = memory_strdup(config->registry_url);
    for (size_t length = strlen(http->url); length > 0 && http->url[length - 1] == '/'; length--) {
        http->url[length - 1] = '\0';
    }
    if (*config->registry_user_info) { /* config.c has seen the colon */
        http->password = memory_strdup(config->registry_user_info);
        http->user = strsep(&http->password, ":");
    }
    return http;
}

static void request_free(struct request *request)
{
    http_exchange_free(request->exchange);
    free(request);
}

static void unlink_request(const struct request *request)
{
    struct request **link = &request->http->all;
    while (*link != request) {
        link = &(*link)->next;
    }
    *link = request->next;
}

void registry_http_close(struct registry_http *http)
{
    if (!http) {
        return;
    }
    struct request *next;
    for (struct request *request = http->all; request; request = next) {
        next = request->next;
        request_free(request);
    }
    http_client_free(http->client);
    curl_slist_free_all(http->headers);
    free(http->url);
    if (http->user) {
        explicit_bzero(http->password, strlen(http->password));
    }
    free(http->user);
    free(http);
}

/*
 * "error_code" of the API: the status and two digits more. A 404 without them comes from somebody who does
 * not know the path, such as a proxy or a wrong SCHEMA_REGISTRY_URL; that is no reason to call a schema
 * unknown.
 */
static enum registry_answer judge(int status, const json_t *body)
{
    const json_int_t code = json_integer_value(json_object_get(body, "error_code"));
    if (status == 200) {
        return body ? REGISTRY_FOUND : REGISTRY_AWAY;
    }
    if (status == 404 && code / 100 == 404) {
        return REGISTRY_ABSENT;
    }
    if (status == 409 || (status == 422 && code / 100 == 422)) {
        return REGISTRY_REFUSED;
    }
    return REGISTRY_AWAY;
}

static void say_what_came(const struct registry_http *http, const struct http_result *result,
                          const json_t *body, struct error *why)
{
    const char *message = json_string_value(json_object_get(body, "message"));
    if (result->code != CURLE_OK) {
        (void)error_set(why, "schema registry %s: %s", http->url, result->error);
    } else if (result->body->length > ANSWER_LIMIT) {
        (void)error_set(why, "schema registry %s: its answer is larger than 1 MB", http->url);
    } else if (result->status == 401 || result->status == 403) {
        (void)error_set(why, "schema registry %s: HTTP %d, see SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO",
                        http->url, result->status);
    } else if (message) {
        (void)error_set(why, "schema registry %s: HTTP %d, %.*s", http->url, result->status, WORDS_MAX,
                        message);
    } else if (result->status == 200) {
        (void)error_set(why, "schema registry %s: its answer is not JSON", http->url);
    } else {
        (void)error_set(why,
                        "schema registry %s: HTTP %d, and no answer of a registry's, see SCHEMA_REGISTRY_URL",
                        http->url, result->status);
    }
}

static void on_done(void *arg, const struct http_result *result)
{
    struct request *request = arg;
    registry_reply_fn *done = request->done;
    void *done_arg = request->arg;
    struct error why;
    const bool too_large = result->code == CURLE_OK && result->body->length > ANSWER_LIMIT;
    const bool whole = result->code == CURLE_OK && !too_large;
    json_t *body = whole ? json_loadb(result->body->bytes, result->body->length, 0, NULL) : NULL;
    const enum registry_answer answer = whole ? judge(result->status, body)
                                        : too_large
                                            ? REGISTRY_REFUSED /* and will be, however often it is asked */
                                            : REGISTRY_AWAY;
    if (answer != REGISTRY_FOUND) {
        say_what_came(request->http, result, body, &why);
    }
    unlink_request(request);
    request_free(request); /* before the callback, which may close everything */
    done(done_arg, answer, body, answer == REGISTRY_FOUND ? NULL : why.text);
    json_decref(body);
}

void registry_http_ask(struct registry_http *http, const char *path, const char *body,
                       registry_reply_fn *done, void *arg)
{
    struct request *request = NEW(struct request);
    *request = (struct request){.http = http,
                                .exchange = http_exchange_new(http->client),
                                .next = http->all,
                                .done = done,
                                .arg = arg};
    http->all = request;

    struct buffer url;
    buffer_init(&url, 8192);
    buffer_format(&url, "%s%s", http->url, path);
    if (body) {
        buffer_text(http_exchange_body(request->exchange), body);
    }
    http_exchange_start(request->exchange,
                        &(struct http_call){.url = url.bytes,
                                            .headers = http->headers,
                                            .user = http->user,
                                            .password = http->password,
                                            .get = !body},
                        on_done, request);
    buffer_release(&url);
}

const char *registry_http_nonsense(const struct registry_http *http, const char *what, struct error *why)
{
    (void)error_set(why, "schema registry %s: its answer has no %s", http->url, what);
    return why->text;
}
