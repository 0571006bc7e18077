/*
 * trace_settings.h - which messages are traced and where their spans go: OpenTelemetry's variables, checked.
 */
#ifndef BASE_TRACE_SETTINGS_H
#define BASE_TRACE_SETTINGS_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"

/* Texts as the variables of the same names have them; "" for none. */
struct trace_settings {
    const char *endpoint; /* OTEL_EXPORTER_OTLP_ENDPOINT */
    const char *headers;
    const char *ca_file;
    unsigned timeout_ms;
    const char *sampler; /* always_on, always_off, traceidratio, or one of them behind parentbased_ */
    const char *sampler_arg;
    const char *service_name;
    const char *resource_attributes;
};

/* The error names the variable, and never a header's value. */
MUST_CHECK bool trace_settings_check(const struct trace_settings *settings, struct error *error);

/* OTEL_TRACES_SAMPLER_ARG, 1 when it is empty. False: not a number from 0 to 1. */
MUST_CHECK bool trace_settings_ratio(const struct trace_settings *settings, double *ret_ratio);

#endif
