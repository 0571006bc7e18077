/*
 * fail_point.h - named places at which a process can be made to die or to freeze.
 *
 * The environment says at which passage of which place, and how:
 *
 *   OUTBOUND_FAIL_POINT=sender.claimed@3=kill
 *
 * kill is SIGKILL, stop is SIGSTOP. Places that are passed for each message of a batch count each of them.
 * Without
 * "@N" it is the first passage.
 *
 * They exist only where OUTBOUND_FAIL_POINTS is defined (`cmake --preset faults`). A release build has
 * neither the places nor their names.
 */
#ifndef BASE_FAIL_POINT_H
#define BASE_FAIL_POINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/error.h"

#ifdef OUTBOUND_FAIL_POINTS

#define FAIL_POINT(name) fail_point_pass(name)

/* Ends or stops the process if this passage is the one that was asked for. */
void fail_point_pass(const char *name);

/* Reads the environment. False when it names no place of `names`, or makes no sense. */
MUST_CHECK bool fail_point_set(const char *const *names, size_t count, struct error *error);

#else

#define FAIL_POINT(name) ((void)0)

#endif

#endif
