/* What a request to the collector consists of beside its spans, and what an answer says. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pairs.h"
#include "metrics/otlp.h"

void otlp_put_attribute(struct buffer *json, const char *key, const char *text, int64_t number)
{
    buffer_text(json, "{\"key\":");
    buffer_json_string(json, key, strlen(key));
    if (text) {
        buffer_text(json, ",\"value\":{\"stringValue\":");
        buffer_json_string(json, text, strlen(text));
        buffer_text(json, "}}");
    } else {
        buffer_format(json, ",\"value\":{\"intValue\":\"%" PRId64 "\"}}", number);
    }
}

/* The resource's attributes: the user's first, then ours that he has not named. */
struct resource {
    struct buffer *json;
    const char *defaults[6][2]; /* ended by a NULL key */
    const char *service_name;   /* OTEL_SERVICE_NAME, which counts before the list; "": none */
    bool any;
};

static void put(struct resource *resource, const char *key, const char *value)
{
    buffer_text(resource->json, resource->any ? "," : "");
    otlp_put_attribute(resource->json, key, value, 0);
    resource->any = true;
}

static bool take_attribute(void *arg, const char *name, const char *value)
{
    struct resource *resource = arg;
    if (strcmp(name, "service.name") == 0 && *resource->service_name) {
        return true;
    }
    for (size_t i = 0; resource->defaults[i][0]; i++) {
        if (strcmp(resource->defaults[i][0], name) == 0) {
            resource->defaults[i][1] = NULL;
        }
    }
    put(resource, name, value);
    return true;
}

void otlp_put_head(struct buffer *json, const struct tracer_options *options)
{
    const struct trace_settings *settings = &options->settings;
    char name[64];
    char host[256] = "";
    char instance[300];
    (void)snprintf(name, sizeof name, "outbound-%s", options->role);
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(instance, sizeof instance, "%s/%d", host, (int)getpid());
    struct resource resource = {
        .json = json,
        .defaults = {{"service.name", *settings->service_name ? settings->service_name : name},
                     {"service.namespace", "outbound"},
                     {"service.version", OUTBOUND_VERSION},
                     {"service.instance.id", instance},
                     {"deployment.environment.name", options->environment}},
        .service_name = settings->service_name,
    };
    buffer_text(json, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
    if (!pairs_each(settings->resource_attributes, take_attribute, &resource)) {
        abort(); /* trace_settings_check() has been here */
    }
    for (size_t i = 0; resource.defaults[i][0]; i++) {
        if (resource.defaults[i][1]) {
            put(&resource, resource.defaults[i][0], resource.defaults[i][1]);
        }
    }
    buffer_text(json, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"outbound\",\"version\":\"" OUTBOUND_VERSION
                      "\"},\"spans\":[");
}

/* JSON of protobuf has 64-bit numbers as texts; readers take both. */
static int64_t whole_number(const json_t *value)
{
    return json_is_string(value) ? strtoll(json_string_value(value), NULL, 10) : json_integer_value(value);
}

int64_t otlp_refused(const char *body, size_t length, char ret_why[256])
{
    json_t *answer = json_loadb(body, length, 0, NULL);
    const json_t *partial = json_object_get(answer, "partialSuccess");
    const char *why = json_string_value(json_object_get(partial, "errorMessage"));
    const int64_t refused = whole_number(json_object_get(partial, "rejectedSpans"));
    (void)snprintf(ret_why, 256, "%s", why ? why : "");
    json_decref(answer);
    return refused > 0 ? refused : 0;
}
