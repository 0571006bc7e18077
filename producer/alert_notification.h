/*
 * alert_notification.h - a notification of Alertmanager (webhook payload, version 4), and what is said of it.
 *
 * https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
 */
#ifndef PRODUCER_ALERT_NOTIFICATION_H
#define PRODUCER_ALERT_NOTIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/config.h"
#include "schemas/new_message.h"
#include "schemas/violations.h"

#define ALERTS_MAX 100 /* in one notification */

/* Texts are fit to be parameters of a WhatsApp template: of one line, and not empty. */
struct alert {
    bool firing; /* else it is resolved */
    const char *fingerprint;
    int64_t starts_at_us; /* Unix time */
    const char *severity; /* in capitals; "RESOLVED" when it is */
    const char *name;
    const char *description;
};

/*
 * The alerts of a notification, in violations' arena. What is wrong with it is added to `violations`. A label
 * or an annotation that is missing is not wrong: the alert must not be lost for it.
 */
void alert_notification_parse(const char *body, size_t length, struct alert **ret_alerts, size_t *ret_count,
                              struct violations *violations);

/* Fills what follows from the alert: all but id and correlation id. `now_us`: Unix time. */
void alert_message(const struct alert *alert, const struct config *config, int64_t now_us,
                   struct arena *arena, struct new_message *message);

#endif
