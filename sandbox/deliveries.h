/*
 * deliveries.h - the file with everything that was accepted: JSON lines, only ever appended to.
 *
 * It answers the question that a delivery pipeline is about: what went out, and how often. So it is written
 * before the answer leaves, survives the process, and holds accepted messages whose answer then got lost.
 */
#ifndef SANDBOX_DELIVERIES_H
#define SANDBOX_DELIVERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/error.h"

struct deliveries;

/* Strings that are NULL become null. */
struct delivery {
    const char *channel;
    const char *provider;
    const char *provider_message_id;
    const char *message_id;
    const char *attempt;
    const char *to;
    const char *subject;
    const char *content;  /* JSON, as it is; NULL: the member is left out */
    const char *answered; /* the status, or what came instead of one: "reset", "cut", "hang" */
};

/*
 * Appends to the file if there is one already; half a line at its end is cut off. NULL when it cannot be
 * written, or ends with something else.
 */
MUST_CHECK struct deliveries *deliveries_open(const char *path, struct error *error);

/* NULL is fine. */
void deliveries_close(struct deliveries *deliveries);

/* Takes one into memory, for the next deliveries_flush(). */
void deliveries_add(struct deliveries *deliveries, const struct delivery *delivery);

/* Hands all that was added to the kernel, in one write. */
MUST_CHECK bool deliveries_flush(struct deliveries *deliveries, struct error *error);

/* Empties the file, and forgets what was not written yet. */
MUST_CHECK bool deliveries_clear(struct deliveries *deliveries, struct error *error);

struct deliveries_query {
    int64_t since;          /* lines to skip */
    int64_t limit;          /* deliveries to return at most */
    const char *message_id; /* NULL: of any message */
};

/*
 * Appends {"count":…,"deliveries":[…],"next":…} to `document`; `next` is the `since` that continues. Reads
 * the file, which takes about a second per 2 GB.
 */
MUST_CHECK bool deliveries_read(struct deliveries *deliveries, const struct deliveries_query *query,
                                struct buffer *document, struct error *error);

#endif
