/*
 * ingest.h - takes new messages in.
 */
#ifndef PRODUCER_INGEST_H
#define PRODUCER_INGEST_H

#include "producer/producer.h"

struct store *ingest_open(struct producer *producer);

/* Handles POST …/messages. */
void ingest_message(struct api_request *request);

#endif
