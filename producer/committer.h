/*
 * committer.h - group commit: stores a batch of new messages in one transaction.
 *
 * There is one, with a connection of its own and one batch at a time. Requests that arrive meanwhile gather
 * and become the next batch: the busier, the larger the batches, and the cheaper each message. A second one
 * would halve the batches and pay for each statement twice (measured, see ARCHITECTURE.md).
 */
#ifndef PRODUCER_COMMITTER_H
#define PRODUCER_COMMITTER_H

#include <stdbool.h>

#include "producer/producer.h"

struct committer *committer_new(struct producer *producer, struct ingest *ingest);
void committer_free(struct committer *committer);

bool committer_is_up(const struct committer *committer);

/* Takes the next batch from ingest_next_batch(), if there is one, and goes on until there is none. */
void committer_start(struct committer *committer);

#endif
