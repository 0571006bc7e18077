/*
 * leases.h - settles claims that nobody finished in time.
 *
 * A claim whose lease is over belongs to a sender that died, hangs, or lost its way to the database. Whether
 * a request went out is not known, and the claim itself says what follows. Every sender and every producer
 * looks after all channels, so that no message stays in SENDING because the senders of its channel are gone.
 */
#ifndef SCHEMAS_LEASES_H
#define SCHEMAS_LEASES_H

#include "base/pg.h"
#include "schemas/channels.h"
#include "schemas/config.h"
#include "schemas/states.h"

/* Embedded; all but `sweeping` is set by its owner. */
struct leases {
    const struct config *config;
    struct pg *pg;
    /* For each that was settled; `state` is what it is in now. */
    void (*on_expired)(void *arg, enum channel channel, enum state state);
    void *arg;
    bool sweeping; /* a statement is on its way; then leases_sweep() does nothing */
};

/* Settles what has expired by now, each with a line in the log. Nothing happens without a connection. */
void leases_sweep(struct leases *leases);

#endif
