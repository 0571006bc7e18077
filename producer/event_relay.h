/*
 * event_relay.h - publishes status events to outbound.events.
 *
 * One batch after the other: taken from the outbox in the order in which the changes were made, published,
 * and deleted when Kafka has acknowledged its records; then the next one. One producer of all does so at a
 * time (see lifecycle_take_events), so that the events of a message stand in its partition in their order.
 * What was interrupted comes again from there, with the same eventIds: a producer that ends in the middle
 * leaves its batch to the next one, and when Kafka did not take a record, those of its row and of later ones
 * are repeated.
 *
 * With a schema registry records carry the id that it gave to our schema. Until it has told the id, events
 * wait in the outbox. They have connections of their own, and hold nobody up.
 */
#ifndef PRODUCER_EVENT_RELAY_H
#define PRODUCER_EVENT_RELAY_H

#include "base/error.h"
#include "producer/producer.h"

/* NULL, with the reason, when the settings of Kafka or of the registry are wrong. */
MUST_CHECK struct event_relay *event_relay_new(struct producer *producer, struct error *error);
void event_relay_free(struct event_relay *relay);

/* Goes on with a new client, which is opened when `rebuilds` are known. No event is taken until then. */
void event_relay_reopen_kafka(struct event_relay *relay, int64_t rebuilds);

/* Takes no more events. */
void event_relay_stop(struct event_relay *relay);

/* No batch in hand, or none that can be brought to its end now. */
bool event_relay_is_idle(const struct event_relay *relay);

#endif
