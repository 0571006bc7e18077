/*
 * deadletter.h - a record in the dead-letter topic: the headers that say why it is there.
 *
 * Whoever writes a dead letter fills this struct, whoever reads one gets it back; the header of each member
 * is named once, in deadletter.c and here. A message's value is a DeadLetter (letter_record.h), which says
 * the same; that of a record which could not be handled is the record's, byte for byte, and so are its other
 * headers.
 */
#ifndef SCHEMAS_DEADLETTER_H
#define SCHEMAS_DEADLETTER_H

#include "base/buffer.h"
#include "base/kafka_producer.h"
#include "base/text.h"
#include "schemas/errors.h"

#define HEADER_CORRELATION_ID "x-correlation-id"

#define HEADER_ORIGINAL_TOPIC "x-original-topic"
#define HEADER_ORIGINAL_PARTITION "x-original-partition"
#define HEADER_ORIGINAL_OFFSET "x-original-offset"
#define HEADER_ERROR_CODE "x-error-code"
#define HEADER_ERROR_MESSAGE "x-error-message"
#define HEADER_ATTEMPTS "x-attempts"
#define HEADER_FAILED_AT "x-failed-at"         /* RFC 3339 */
#define HEADER_FAILED_BY "x-failed-by"         /* the role that gave it up */
#define HEADER_OMITTED_BYTES "x-omitted-bytes" /* the record was so large that only our headers are here */
#define HEADER_REPLAYS "x-replays" /* how often the record was replayed before; it has it from the replay */

#define DEADLETTER_HEADERS 9

/* NULL bytes: the header is left out, or is not there. Numbers are in decimal digits. */
struct deadletter {
    struct text original_topic;
    struct text original_partition; /* only where a record was given up, not a message */
    struct text original_offset;
    struct text error_code;
    struct text error_message;
    struct text attempts;
    struct text failed_at;
    struct text failed_by;
    struct text replays;
};

/* The headers of `letter`, which they point into. `ret_headers` has room for DEADLETTER_HEADERS and an end.
 */
void deadletter_headers(const struct deadletter *letter, struct kafka_header *ret_headers);

/* What the headers of `record` say; valid as long as the record. */
void deadletter_read(const rd_kafka_message_t *record, struct deadletter *ret_letter);

/*
 * Sends a record that cannot be handled to the dead-letter topic, as it is, with its headers (48 at most) and
 * the reason: `reason`, or what the code means when it is NULL. Of a record that the topic would not take,
 * because it has nearly DLQ_MESSAGE_BYTES_MIN or more, only the reason, its size and its place are sent.
 * False as kafka_producer_send() has it; `ticket` comes back with the delivery report.
 */
MUST_CHECK bool deadletter_send(struct kafka_producer *producer, const rd_kafka_message_t *record,
                                enum error_code code, const char *reason, const char *role, uint64_t ticket);

/*
 * The headers that the record had before it was given up, as one run of bytes to be kept: for each its name
 * with a NUL, the length of its value (32 bits, big-endian, -1 for none), the value.
 */
void deadletter_pack_headers(const rd_kafka_message_t *record, struct buffer *into);

/*
 * Fills `ret_headers` with at most `room` of packed headers; they point into `bytes`. Returns how many. Stops
 * at the first one that is not whole.
 */
size_t deadletter_unpack_headers(const char *bytes, size_t length, struct kafka_header *ret_headers,
                                 size_t room);

#endif
