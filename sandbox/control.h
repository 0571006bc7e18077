/*
 * control.h - /sandbox/…: what a test or a person asks the sandbox itself.
 *
 * Errors have the form of SendGrid's: {"errors":[{"message":…,"field":…,"help":null}]}.
 */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "sandbox/sandbox.h"

void control_get_health(struct sandbox *sandbox, struct http_request *http);
void control_get_stats(struct sandbox *sandbox, struct http_request *http);

void control_get_deliveries(struct sandbox *sandbox, struct http_request *http);
void control_delete_deliveries(struct sandbox *sandbox, struct http_request *http);

void control_get_latency(struct sandbox *sandbox, struct http_request *http);
void control_put_latency(struct sandbox *sandbox, struct http_request *http);

void control_get_faults(struct sandbox *sandbox, struct http_request *http);
void control_post_fault(struct sandbox *sandbox, struct http_request *http);
void control_delete_faults(struct sandbox *sandbox, struct http_request *http);

/* `field` may be NULL; `message` too: what SendGrid says with that status. */
void control_refuse(struct http_request *http, int status, const char *field, const char *message);

#endif
