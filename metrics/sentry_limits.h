/*
 * sentry_limits.h - how much may be reported: what Sentry asks for, and not the same thing again and again.
 *
 * Times are monotonic, in ms.
 */
#ifndef METRICS_SENTRY_LIMITS_H
#define METRICS_SENTRY_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * For how long no error events are wanted, in seconds, by an answer's X-Sentry-Rate-Limits
 * ("60:error;default:organization, 2700::key"); 0: they are. NULL is no header.
 * https://develop.sentry.dev/sdk/expected-features/rate-limiting/
 */
int64_t sentry_limits_pause_s(const char *header);

#define SAME_ERRORS_MAX 10 /* of a kind within a minute */
#define ERROR_KINDS_MAX 32 /* that are told apart; of more, the one seen least recently is forgotten */

struct error_kind {
    uint64_t hash; /* 0: none */
    int64_t minute_ms;
    int64_t seen_ms;
    unsigned told;
    unsigned untold; /* since the last one that was told */
};

/* All zero at first. */
struct error_kinds {
    struct error_kind items[ERROR_KINDS_MAX];
};

/* Whether one more of this kind is told. *ret_untold: how many were not since the last that was. */
bool error_kinds_take(struct error_kinds *kinds, const char *format, const char *code, int64_t now_ms,
                      unsigned *ret_untold);

#endif
