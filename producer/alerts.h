/*
 * alerts.h - POST /api/v1/alerts: Alertmanager's webhook, by which alerts reach an operator's phone.
 */
#ifndef PRODUCER_ALERTS_H
#define PRODUCER_ALERTS_H

#include "producer/producer.h"

/*
 * Each alert of the notification becomes a WhatsApp message to OUTBOUND_ALERT_RECIPIENT. 202 when all of them
 * are stored, now or by an earlier delivery of the same notification; 503 when Alertmanager has to come
 * again.
 */
void alerts_receive(struct api_request *request);

/* So that the first notification of a kind is an increase of METRIC_ALERTS_RECEIVED. */
void alerts_count_from_zero(struct metrics *metrics);

#endif
