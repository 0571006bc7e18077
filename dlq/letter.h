/*
 * letter.h - a dead letter as it was read, on its way into PostgreSQL.
 */
#ifndef DLQ_LETTER_H
#define DLQ_LETTER_H

#include "base/kafka_consumer.h"
#include "base/pg_params.h"
#include "schemas/deadletter.h"
#include "schemas/reference.h"

struct letter {
    rd_kafka_message_t *record; /* owned; all texts point into it */
    struct kafka_position position;
    struct deadletter why;
    struct text correlation_id;
    struct reference reference; /* all zero: the value has none */
    bool is_message;            /* the letter of a message; otherwise of a record that nobody could handle */
};

/*
 * Takes over `record`. Nothing is refused: what is missing or not as it should be in the headers is left out,
 * and a letter that has no code gets one.
 */
void letter_init(struct letter *letter, rd_kafka_message_t *record, struct kafka_position position);
void letter_release(struct letter *letter);

/* Bytes that it takes up, roughly. */
size_t letter_size(const struct letter *letter);

/* The parameters of letters_store. */
void letter_params(const struct letter *letters, size_t count, struct pg_params *params);

#endif
