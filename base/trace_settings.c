#include "base/trace_settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ca_file.h"
#include "base/pairs.h"
#include "base/text.h"
#include "base/utf8.h"

#define ENDPOINT_MAX 400
#define SERVICE_NAME_MAX 255

bool trace_settings_ratio(const struct trace_settings *settings, double *ret_ratio)
{
    const char *text = *settings->sampler_arg ? settings->sampler_arg : "1";
    char *end;
    const double ratio = strtod(text, &end);
    if (strspn(text, "0123456789.eE+-") != strlen(text) || *end || !(ratio >= 0 && ratio <= 1)) {
        return false;
    }
    *ret_ratio = ratio;
    return true;
}

/* RFC 9110, 5.6.2: a token. Those that are ours would be there twice. */
static bool is_header(void *arg, const char *name, const char *value)
{
    (void)arg;
    return *value && text_is_visible_ascii(text_of(name)) && !strpbrk(name, "\"(),/:;<=>?@[\\]{}") &&
           strcasecmp(name, "Content-Type") != 0 && strcasecmp(name, "Content-Length") != 0;
}

static bool is_attribute(void *arg, const char *name, const char *value)
{
    (void)arg;
    return utf8_is_valid(name, strlen(name)) && utf8_is_valid(value, strlen(value));
}

/* The base of /v1/traces: nothing may stand behind it, and a password would end up in logs. */
static bool endpoint_is_good(const char *url)
{
    const char *host = strstr(url, "://");
    const bool http = strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0;
    return http && strlen(url) <= ENDPOINT_MAX && host[3] && !strchr("/:", host[3]) &&
           text_is_visible_ascii(text_of(url)) && !strpbrk(url, "?#@,\\\"");
}

bool trace_settings_check(const struct trace_settings *settings, struct error *error)
{
    double ratio;
    if (*settings->endpoint && !endpoint_is_good(settings->endpoint)) {
        return error_set(error,
                         "OTEL_EXPORTER_OTLP_ENDPOINT: must be one http:// or https:// URL of a host and "
                         "a path, without a query; a login belongs into OTEL_EXPORTER_OTLP_HEADERS");
    }
    if (!pairs_each(settings->headers, is_header, NULL)) {
        return error_set(error,
                         "OTEL_EXPORTER_OTLP_HEADERS: is not a list of headers like name=value,name=value");
    }
    if (!ca_file_check("OTEL_EXPORTER_OTLP_CERTIFICATE", settings->ca_file, error)) {
        return false;
    }
    if (!trace_settings_ratio(settings, &ratio)) {
        return error_set(error, "OTEL_TRACES_SAMPLER_ARG: \"%s\" is not a number from 0 to 1",
                         settings->sampler_arg);
    }
    const size_t name_length = strlen(settings->service_name);
    if (name_length > SERVICE_NAME_MAX || !utf8_is_valid(settings->service_name, name_length)) {
        return error_set(error, "OTEL_SERVICE_NAME: must be UTF-8 of at most %d bytes", SERVICE_NAME_MAX);
    }
    return pairs_each(settings->resource_attributes, is_attribute, NULL) ||
           error_set(error, "OTEL_RESOURCE_ATTRIBUTES: \"%s\" is not a list like name=value,name=value",
                     settings->resource_attributes);
}
