/*
 * schedule.h - what happens in a schedule: which processes there are, who posts what, and what goes wrong
 * when.
 */
#ifndef MODEL_SCHEDULE_H
#define MODEL_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"

/* What came of one; or of many, added up. */
struct schedule_result {
    uint64_t steps;
    uint64_t messages;
    uint64_t sent;
    uint64_t given_up;
    uint64_t unknown;
    uint64_t taken_again; /* by the provider, each after an UNKNOWN */
    uint64_t kills;
    uint64_t freezes;
    uint64_t stops;
    uint64_t outages;
    int64_t longest_rest_us; /* from the end of the last fault until everything had come to rest */
};

/* Once; false, with the reason, when the settings of the schedules are not taken. */
MUST_CHECK bool schedules_prepare(struct error *error);

/* Runs the schedule of `seed` and adds what came of it. NULL, or which invariant was broken. */
const char *schedule_run(uint64_t seed, bool verbose, struct schedule_result *result);

#endif
