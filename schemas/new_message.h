/*
 * new_message.h - a message as a caller hands it over, and the rules that it has to keep.
 *
 * The rules are the same whichever way it comes in.
 */
#ifndef SCHEMAS_NEW_MESSAGE_H
#define SCHEMAS_NEW_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "schemas/channels.h"
#include "schemas/reference.h"
#include "schemas/violations.h"

#define REQUEST_HASH_SIZE 32

#define ORG_ID_MAX 64
#define CORRELATION_ID_MAX 128
#define IDEMPOTENCY_KEY_MAX 255
#define TEMPLATE_CODE_MAX 128
#define SOURCE_MAX 64
#define ORDERING_KEY_MAX 255
#define SUBJECT_MAX 998 /* bytes; RFC 5322, 2.1.1: a line */

#define MESSAGE_SOURCE_HTTP "http"
#define HEADER_MESSAGE_ID "message-id" /* of a record upstream: its requestId, if the record has none */

/*
 * Strings may hold any bytes until new_message_check() has passed; `bytes` NULL means not given. After it
 * they are valid UTF-8 without control characters, and `channel` is set.
 */
struct new_message {
    struct uuid id;
    struct text org_id;
    int64_t dossier_id;
    struct text channel_name;
    enum channel channel;
    struct text priority;
    struct text to;
    struct text template_code;
    struct text subject;
    struct text payload; /* JSON text of an object */
    struct text correlation_id;
    struct text idempotency_key;
    struct text source;       /* whose key that is: MESSAGE_SOURCE_HTTP, or the service upstream */
    struct text ordering_key; /* any bytes; messages with the same one share a partition of each topic */
    bool has_request_hash;    /* when the caller gave an id or a key, by which a repetition is known */
    unsigned char request_hash[REQUEST_HASH_SIZE];
    int64_t expires_at_us;   /* Unix time; 0: never */
    struct text traceparent; /* the trace that the message belongs to, valid; NULL bytes: none */
    struct text tracestate;
};

/* By which way it came: the rules are the same, the names of the fields are not. */
enum message_way { MESSAGE_BY_HTTP, MESSAGE_BY_KAFKA };

/* Adds what is wrong to `violations`; sets `channel`. `now_us`: Unix time. */
void new_message_check(struct new_message *message, enum message_way way, int64_t now_us,
                       struct violations *violations);

/* Sets or lowers expires_at_us, so that the message is not sent when it is older than that; 0: no limit. */
void new_message_limit_age(struct new_message *message, int64_t now_us, int64_t max_age_ms);

/* "2026-01-31T23:59:59.123456Z" or with an offset (RFC 3339) as Unix time in microseconds. */
MUST_CHECK bool parse_rfc3339(const char *text, size_t length, int64_t *ret_us);

#endif
