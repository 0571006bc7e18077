#include "base/trace_settings.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "base/pairs.h"
#include "support/leaks.h"

TestSuite(trace_settings, .fini = no_leaks);

static const struct trace_settings empty = {.endpoint = "",
                                            .headers = "",
                                            .ca_file = "",
                                            .sampler = "always_on",
                                            .sampler_arg = "",
                                            .service_name = "",
                                            .resource_attributes = ""};

Test(trace_settings, an_error_names_the_variable_and_no_secret)
{
    static char long_list[PAIRS_LENGTH_MAX + 2];
    memset(long_list, 'a', PAIRS_LENGTH_MAX + 1);
    long_list[1] = '=';
    const struct {
        const char *variable;
        struct trace_settings settings;
    } cases[] = {
        {"OTEL_EXPORTER_OTLP_ENDPOINT", {.endpoint = "collector:4318"}},
        {"OTEL_EXPORTER_OTLP_ENDPOINT", {.endpoint = "http://"}},
        {"OTEL_EXPORTER_OTLP_ENDPOINT", {.endpoint = "http://hush@host"}},
        {"OTEL_EXPORTER_OTLP_ENDPOINT", {.endpoint = "http://host?x"}},
        {"OTEL_EXPORTER_OTLP_HEADERS", {.headers = "hush"}},
        {"OTEL_EXPORTER_OTLP_HEADERS", {.headers = "k=hush%0d%0aX: y"}},
        {"OTEL_EXPORTER_OTLP_HEADERS", {.headers = "k=%zz"}},
        {"OTEL_EXPORTER_OTLP_HEADERS", {.headers = "k="}},
        {"OTEL_EXPORTER_OTLP_HEADERS", {.headers = "a b=hush"}},
        {"OTEL_EXPORTER_OTLP_HEADERS", {.headers = "content-type=text/plain"}},
        {"OTEL_EXPORTER_OTLP_HEADERS", {.headers = long_list}},
        {"OTEL_EXPORTER_OTLP_CERTIFICATE", {.ca_file = "/nowhere/ca.pem"}},
        {"OTEL_EXPORTER_OTLP_CERTIFICATE", {.ca_file = "/dev/null"}},
        {"OTEL_TRACES_SAMPLER_ARG", {.sampler_arg = "1.1"}},
        {"OTEL_TRACES_SAMPLER_ARG", {.sampler_arg = "-0.1"}},
        {"OTEL_TRACES_SAMPLER_ARG", {.sampler_arg = "10%"}},
        {"OTEL_TRACES_SAMPLER_ARG", {.sampler_arg = "nan"}},
        {"OTEL_TRACES_SAMPLER_ARG", {.sampler_arg = "."}},
        {"OTEL_SERVICE_NAME", {.service_name = "\xff"}},
        {"OTEL_RESOURCE_ATTRIBUTES", {.resource_attributes = "=x"}},
        {"OTEL_RESOURCE_ATTRIBUTES", {.resource_attributes = "x=%ff"}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct trace_settings settings = empty;
        const struct trace_settings *given = &cases[i].settings;
        settings.endpoint = given->endpoint ? given->endpoint : "";
        settings.headers = given->headers ? given->headers : "";
        settings.ca_file = given->ca_file ? given->ca_file : "";
        settings.sampler_arg = given->sampler_arg ? given->sampler_arg : "";
        settings.service_name = given->service_name ? given->service_name : "";
        settings.resource_attributes = given->resource_attributes ? given->resource_attributes : "";
        struct error error = {0};
        cr_expect(not(trace_settings_check(&settings, &error)), "case %zu", i);
        cr_expect(eq(int, strncmp(error.text, cases[i].variable, strlen(cases[i].variable)), 0), "%zu: %s", i,
                  error.text);
        cr_expect(eq(ptr, strstr(error.text, "hush"), NULL));
    }
}

Test(trace_settings, what_is_good)
{
    struct error error;
    struct trace_settings settings = empty;
    cr_expect(trace_settings_check(&settings, &error));
    settings.endpoint = "https://collector.example:4318/otlp/";
    settings.headers = "Authorization=Bearer%20a.b.c==, x-scope=1,";
    settings.sampler_arg = "1e-3";
    settings.resource_attributes = "a=,b=%C3%A9";
    cr_expect(trace_settings_check(&settings, &error), "%s", error.text);
    double ratio = 0;
    cr_expect(trace_settings_ratio(&settings, &ratio));
    cr_expect(eq(dbl, ratio, 1e-3));
}
