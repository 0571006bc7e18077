/*
 * dead_letters.h - /api/v1/dead-letters: `outbound dlq` over HTTP, with the same filters and the same JSON.
 */
#ifndef PRODUCER_DEAD_LETTERS_H
#define PRODUCER_DEAD_LETTERS_H

#include "producer/producer.h"

/* GET: filters are parameters of the query. */
void dead_letters_list(struct api_request *request);
void dead_letters_stats(struct api_request *request);
void dead_letters_show(struct api_request *request);

/*
 * POST: filters are members of a JSON object; `id` may be an array. One request is one transaction of at most
 * OUTBOUND_DLQ_BATCH_SIZE letters. When there may be `more`, the answer has the `after` of the next request.
 */
void dead_letters_replay(struct api_request *request);
void dead_letters_archive(
    struct api_request *request); /* of the open ones; those discarded: `outbound dlq archive` */
void dead_letters_discard(struct api_request *request);

#endif
