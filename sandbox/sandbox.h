/*
 * sandbox.h - a stand-in of provider APIs, and how its files see each other.
 *
 *   routes.c       which request goes where
 *   mail_send.c, twilio_messages.c, whatsapp_messages.c
 *                  the way of one request: checked, and refused or accepted
 *   sendgrid.c, twilio.c, whatsapp.c
 *                  what each provider demands of a request, and how it says no
 *   answer.c       what a request gets: made to fail, perhaps; written down, answered
 *   faults.c       the rules that make requests fail
 *   deliveries.c   the file with all that was accepted
 *   waiting.c      answers that are not due yet
 *   control.c      /sandbox/…: looks into all this and changes it
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/http_server.h"
#include "base/service.h"
#include "sandbox/deliveries.h"
#include "sandbox/faults.h"
#include "sandbox/waiting.h"
#include "schemas/config.h"

/* Of requests to providers, since the start. */
struct sandbox_stats {
    int64_t requests; /* whose headers have arrived */
    int64_t accepted; /* in the file, whatever the answer was */
    int64_t refused;  /* by the provider's own rules */
    int64_t faulted;  /* by a rule of /sandbox/faults */
};

struct sandbox {
    struct service service;
    const struct config *config;
    struct http_server *server;
    struct deliveries *deliveries;
    struct faults *faults;
    struct waiting *waiting;
    int64_t latency_ms; /* of each answer of a provider; settable while it runs */
    struct sandbox_stats stats;
    uv_timer_t writing; /* runs out at once: for deliveries that no answer follows soon */
    uv_timer_t stopped; /* ends the loop once the last answers are out */
    bool broken;        /* deliveries cannot be written: nothing is answered any more */
};

/* Takes a delivery for the file. It is there before the loop waits, and before any answer leaves. */
void sandbox_accept(struct sandbox *sandbox, const struct delivery *delivery);

/* What was accepted goes into the file. False: it does not; then the process ends, and no answer may be
 * given. */
bool sandbox_write_deliveries(struct sandbox *sandbox);

#endif
