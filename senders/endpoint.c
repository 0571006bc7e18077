#include "senders/endpoint.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define SECRET_MAX 1000
#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1)

bool endpoint_set_url(struct endpoint *endpoint, const char *setting, const char *base_url,
                      struct error *error, const char *path_format, ...)
{
    size_t length = strlen(base_url);
    while (length > 0 && base_url[length - 1] == '/') {
        length--;
    }
    char path[256];
    va_list args;
    va_start(args, path_format);
    const int path_length = vsnprintf(path, sizeof path, path_format, args);
    va_end(args);
    if (path_length >= (int)sizeof path || length + (size_t)path_length >= sizeof endpoint->url) {
        return error_set(error, "%s: is too long", setting);
    }
    (void)snprintf(endpoint->url, sizeof endpoint->url, "%.*s%s", (int)length, base_url, path);
    return true;
}

bool endpoint_check_secret(const char *setting, const char *secret, struct error *error)
{
    if (!*secret) {
        return error_set(error, "%s: is required", setting);
    }
    if (!text_is_visible_ascii(text_of(secret))) {
        return error_set(error, "%s: must be visible ASCII without spaces and line ends", setting);
    }
    return strlen(secret) <= SECRET_MAX || error_set(error, "%s: is too long", setting);
}

static void add(struct endpoint *endpoint, const char *header)
{
    endpoint->headers = curl_slist_append(endpoint->headers, header);
}

void endpoint_add_basic(struct endpoint *endpoint, const char *user, const char *password)
{
    char pair[2 * SECRET_MAX + 2];
    unsigned char encoded[BASE64_SIZE(sizeof pair)];
    char header[sizeof encoded + 32];
    const int length = snprintf(pair, sizeof pair, "%s:%s", user, password);
    (void)EVP_EncodeBlock(encoded, (const unsigned char *)pair, length);
    (void)snprintf(header, sizeof header, "Authorization: Basic %s", (const char *)encoded);
    add(endpoint, header);
}

void endpoint_add_bearer(struct endpoint *endpoint, const char *token)
{
    char header[SECRET_MAX + 32];
    (void)snprintf(header, sizeof header, "Authorization: Bearer %s", token);
    add(endpoint, header);
}

void endpoint_add_content_type(struct endpoint *endpoint, const char *type)
{
    char header[128];
    (void)snprintf(header, sizeof header, "Content-Type: %s", type);
    add(endpoint, header);
    add(endpoint, "Expect:");
}
