#include "metrics/sentry_limits.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

#define MINUTE_MS 60000
#define PAUSE_MAX_S ((int64_t)24 * 3600)

/* Whether a list of categories, ended by ':' or ',', has that of error events; an empty one means all. */
static bool has_errors(const char *categories)
{
    const size_t length = strcspn(categories, ":,");
    const char *end = categories + length;
    bool found = length == 0;
    for (const char *at = categories; at < end;) {
        const size_t word = strcspn(at, ";:,");
        found = found || (word == 5 && strncmp(at, "error", 5) == 0);
        at += word + 1;
    }
    return found;
}

int64_t sentry_limits_pause_s(const char *header)
{
    int64_t most_s = 0;
    for (const char *at = header; at && *at;) {
        at += strspn(at, " \t");
        char *end;
        const long long pause_s = strtoll(at, &end, 10);
        if (end != at && *end == ':' && has_errors(end + 1) && pause_s > most_s) {
            most_s = pause_s;
        }
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
    return most_s < PAUSE_MAX_S ? most_s : PAUSE_MAX_S;
}

/* FNV-1a. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static struct error_kind *find(struct error_kinds *kinds, uint64_t hash)
{
    struct error_kind *oldest = &kinds->items[0];
    for (size_t i = 0; i < ERROR_KINDS_MAX; i++) {
        struct error_kind *kind = &kinds->items[i];
        if (kind->hash == hash) {
            return kind;
        }
        if (kind->seen_ms < oldest->seen_ms) {
            oldest = kind;
        }
    }
    *oldest = (struct error_kind){.hash = hash};
    return oldest;
}

bool error_kinds_take(struct error_kinds *kinds, const char *format, const char *code, int64_t now_ms,
                      unsigned *ret_untold)
{
    const uint64_t hash = hash_text(hash_text(UINT64_C(0xcbf29ce484222325), format), code) | 1;
    struct error_kind *kind = find(kinds, hash);
    kind->seen_ms = now_ms;
    if (kind->told == 0 || now_ms - kind->minute_ms >= MINUTE_MS) {
        kind->minute_ms = now_ms;
        kind->told = 0;
    }
    if (kind->told == SAME_ERRORS_MAX) {
        kind->untold++;
        return false;
    }
    kind->told++;
    *ret_untold = kind->untold;
    kind->untold = 0;
    return true;
}
