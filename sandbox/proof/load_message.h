/*
 * load_message.h - the messages of `outbound load`: each follows from name, seed and number.
 *
 * The text holds what encodings go wrong with: quotes, line ends, characters of two to four bytes. It starts
 * with the message's key, so that it is known wherever it turns up.
 */
#ifndef SANDBOX_PROOF_LOAD_MESSAGE_H
#define SANDBOX_PROOF_LOAD_MESSAGE_H

#include <stdint.h>

#include "base/buffer.h"
#include "sandbox/proof/load_options.h"
#include "schemas/channels.h"

#define LOAD_SOURCE "outbound-load" /* `source` of the records in outbound.requests */
#define LOAD_KEY_SIZE (LOAD_NAME_MAX + 16)

struct load_message {
    enum channel channel;
    int64_t dossier_id;
    int32_t schema_id;       /* 0: single-object encoding */
    char key[LOAD_KEY_SIZE]; /* WORD-NUMBER */
    char to[LOAD_KEY_SIZE + 32];
    char subject[LOAD_KEY_SIZE + 16];
    char text[LOAD_KEY_SIZE + 128];
};

/* `number` from 1 on. Pure. */
void load_message_make(const struct load_options *options, int64_t number, struct load_message *ret_message);

/* What the subject of the message with this key is. */
void load_message_subject(const char *key, char *ret_subject, size_t size);

/* Appends the body of a POST. */
void load_message_json(const struct load_message *message, struct buffer *into);

/* Appends a record of outbound.requests. */
void load_message_avro(const struct load_message *message, struct buffer *into);

#endif
