#include "schemas/deadletter.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "schemas/topics.h"

#define OURS 7       /* headers that we add */
#define FORWARDED 16 /* headers of the original that are kept, at most */

bool deadletter_send(struct kafka_producer *producer, const rd_kafka_message_t *record, enum error_code code,
                     const char *role, uint64_t ticket)
{
    char partition[16];
    char offset[24];
    char failed_at[CLOCK_RFC3339_SIZE];
    (void)snprintf(partition, sizeof partition, "%d", (int)record->partition);
    (void)snprintf(offset, sizeof offset, "%lld", (long long)record->offset);
    clock_format_rfc3339(clock_wall_ms(), failed_at);
    const char *const ours[OURS][2] = {
        {HEADER_ORIGINAL_TOPIC, rd_kafka_topic_name(record->rkt)},
        {HEADER_ORIGINAL_PARTITION, partition},
        {HEADER_ORIGINAL_OFFSET, offset},
        {HEADER_ERROR_CODE, error_row(code)->name},
        {HEADER_ERROR_MESSAGE, error_row(code)->help},
        {HEADER_FAILED_AT, failed_at},
        {HEADER_FAILED_BY, role},
    };
    struct kafka_header headers[FORWARDED + OURS + 1] = {0};
    const size_t forwarded = kafka_headers_of(record, headers, FORWARDED);
    for (size_t i = 0; i < OURS; i++) {
        headers[forwarded + i] = (struct kafka_header){ours[i][0], ours[i][1], strlen(ours[i][1])};
    }
    headers[forwarded + OURS] = (struct kafka_header){0};
    const struct kafka_record_out out = {.topic = topic_name(TOPIC_DLQ),
                                         .key = record->key,
                                         .key_length = record->key_len,
                                         .value = record->payload,
                                         .value_length = record->len,
                                         .headers = headers,
                                         .ticket = ticket};
    return kafka_producer_send(producer, &out);
}
