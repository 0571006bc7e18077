/*
 * sequence.h - random statements of the life cycle, such as processes would send them and such as they would
 * not: wrong fences, ends that come twice, keys that are there already.
 */
#ifndef MODEL_SEQUENCE_H
#define MODEL_SEQUENCE_H

#include "base/pg.h"
#include "tests/model/database.h"

/*
 * The next one, its parameters into `ret_params`, which is cleared before. lifecycle_delete_outbox comes
 * without: rows have other ids here and there.
 */
const struct pg_statement *sequence_next(const struct database *database, struct pg_params *ret_params);

#endif
