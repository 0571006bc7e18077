/*
 * request_span.h - the span of a request to the API.
 */
#ifndef PRODUCER_REQUEST_SPAN_H
#define PRODUCER_REQUEST_SPAN_H

#include "producer/producer.h"

/* Takes the caller's trace context up. Requests that a probe or a scraper makes have no span. */
void request_span_begin(struct api_request *request);

void request_span_end(struct api_request *request, int status);

#endif
