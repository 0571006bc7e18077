/*
 * writers.h - how to read what services upstream write: a reader for each schema that their records name.
 *
 * A schema is asked of the registry once, when its id is met for the first time. Nothing is decided about a
 * record while the registry cannot be asked: it waits.
 */
#ifndef ROUTER_WRITERS_H
#define ROUTER_WRITERS_H

#include <uv.h>

#include "base/error.h"
#include "schemas/config.h"
#include "schemas/request_record.h"
#include "schemas/wire.h"

enum writer_state {
    WRITER_KNOWN,
    WRITER_ASKED,     /* the answer is not there yet, or the registry is away: look again in a moment */
    WRITER_UNKNOWN,   /* there is no such schema */
    WRITER_UNFITTING, /* there is, but it cannot be read as a MessageRequest */
};

struct writers *writers_open(uv_loop_t *loop, const struct config *config, struct error *error);

/* NULL is fine. */
void writers_close(struct writers *writers);

/*
 * The reader for the schema that wrote `record`. *ret_reader is set with WRITER_KNOWN, *ret_why, a sentence,
 * with the last two. Both are valid until the next call.
 */
enum writer_state writers_find(struct writers *writers, const struct wire_record *record,
                               struct request_reader **ret_reader, const char **ret_why);

#endif
