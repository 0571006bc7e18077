/*
 * answer.h - the answers of the API: JSON documents and problem documents (RFC 9457).
 */
#ifndef PRODUCER_ANSWER_H
#define PRODUCER_ANSWER_H

#include "producer/producer.h"
#include "schemas/violations.h"

/* Answers with a JSON document and counts the request. `headers` as in http_respond(). */
void answer_json(struct api_request *request, int status, const struct http_header *headers,
                 const char *document, size_t length);

/* Answers with application/problem+json. `detail` may be NULL. */
void answer_problem(struct api_request *request, int status, const char *title, const char *detail);

/* The same with one entry in `errors` for each violation. */
void answer_violations(struct api_request *request, const struct violations *violations);

/* 503 with Retry-After: nothing is wrong with the request, we cannot keep it now. */
void answer_unavailable(struct api_request *request, const char *detail);

#endif
