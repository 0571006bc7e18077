#include "metrics/sentry_dsn.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* The parts as they stand in the DSN; each is curl_free()d. */
struct parts {
    char *scheme, *key, *host, *port, *path;
};

static void parts_release(struct parts *parts)
{
    char **all[] = {&parts->scheme, &parts->key, &parts->host, &parts->port, &parts->path};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        curl_free(*all[i]);
    }
}

static bool has(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    const bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return there;
}

static bool split(const char *dsn, struct parts *ret_parts)
{
    CURLU *url = curl_url();
    struct parts parts = {0};
    const bool fine = strncmp(dsn, "http", 4) == 0 && curl_url_set(url, CURLUPART_URL, dsn, 0) == CURLUE_OK &&
                      curl_url_get(url, CURLUPART_SCHEME, &parts.scheme, 0) == CURLUE_OK &&
                      strncmp(parts.scheme, "http", 4) == 0 &&
                      curl_url_get(url, CURLUPART_USER, &parts.key, 0) == CURLUE_OK &&
                      curl_url_get(url, CURLUPART_HOST, &parts.host, 0) == CURLUE_OK &&
                      curl_url_get(url, CURLUPART_PATH, &parts.path, 0) == CURLUE_OK &&
                      !has(url, CURLUPART_QUERY) && !has(url, CURLUPART_FRAGMENT);
    (void)curl_url_get(url, CURLUPART_PORT, &parts.port, 0);
    curl_url_cleanup(url);
    if (!fine) {
        parts_release(&parts);
        return false;
    }
    *ret_parts = parts;
    return true;
}

static bool is_word(const char *text)
{
    return *text && strspn(text, WORD) == strlen(text);
}

bool sentry_dsn_parse(const char *dsn, struct sentry_target *ret_target, struct error *error)
{
    struct parts parts;
    struct sentry_target target;
    if (!split(dsn, &parts)) {
        return error_set(error, "SENTRY_DSN: is not of the form https://KEY@HOST/PROJECT");
    }
    const char *project = strrchr(parts.path, '/') + 1;
    bool fine = is_word(project) && is_word(parts.key);
    if (!fine) {
        (void)error_set(error, "SENTRY_DSN: has no key before the @, or no project at its end");
    } else {
        const int length =
            snprintf(target.url, sizeof target.url, "%s://%s%s%s%.*sapi/%s/envelope/", parts.scheme,
                     parts.host, parts.port ? ":" : "", parts.port ? parts.port : "",
                     (int)(project - parts.path), parts.path, project);
        const int key_length = snprintf(target.key, sizeof target.key, "%s", parts.key);
        fine = (size_t)length < sizeof target.url && (size_t)key_length < sizeof target.key;
        if (!fine) {
            (void)error_set(error, "SENTRY_DSN: is too long");
        }
    }
    parts_release(&parts);
    if (fine) {
        *ret_target = target;
    }
    return fine;
}
