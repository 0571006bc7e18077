/*
 * request_record.h - requests of services upstream: records of schemas/avro/MessageRequest.avsc, whichever
 * version of it wrote them.
 *
 * A reader is made once for each writer's schema. It knows which of the writer's fields are ours and passes
 * over the others, so fields may be added, left out where they have a default, put in another order or
 * widened, as Avro's specification has it ("Schema Resolution"). Reading allocates nothing but what goes into
 * the arena, and costs no more than the bytes warrant.
 */
#ifndef SCHEMAS_REQUEST_RECORD_H
#define SCHEMAS_REQUEST_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "schemas/errors.h"
#include "schemas/new_message.h"
#include "schemas/violations.h"

#define WRITER_SCHEMA_MAX ((size_t)64 * 1024) /* bytes of its JSON */
#define WRITER_SCHEMA_DEPTH_MAX 64

struct request_reader;

/* NULL: the schema is no schema or does not fit; the error names the field. */
MUST_CHECK struct request_reader *request_reader_new(const char *writer_schema_json, size_t length,
                                                     struct error *error);

void request_reader_free(struct request_reader *reader);

/*
 * Fills what the record gives: an absent field leaves what the message has. Texts are copied to the arena;
 * the requestId becomes the idempotency key; the hash is over all fields but it and the correlation id.
 *
 * False: the datum is not what the writer's schema says; *ret_code is MALFORMED_RECORD, and the violation
 * names the field. True with violations: it is, and breaks a rule of its fields' form; the rules for their
 * content are new_message_check()'s.
 */
MUST_CHECK bool request_reader_read(struct request_reader *reader, const void *datum, size_t length,
                                    struct arena *arena, struct new_message *message,
                                    struct violations *violations, enum error_code *ret_code);

#endif
