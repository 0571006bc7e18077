#include "base/watch.h"

#include <stdbool.h>

static struct watch listener;
static bool listening;

void watch_set(const struct watch *watch)
{
    listening = watch;
    listener = watch ? *watch : (struct watch){0};
}

void watch_statement(const struct pg_statement *statement, int64_t duration_us)
{
    if (listening) {
        listener.statement(listener.arg, statement, duration_us);
    }
}

void watch_connection(int change)
{
    if (listening) {
        listener.connection(listener.arg, change);
    }
}

void watch_record_sent(const char *topic, const char *error)
{
    if (listening) {
        listener.record_sent(listener.arg, topic, error);
    }
}

void watch_record_consumed(const char *group_id, const char *topic)
{
    if (listening) {
        listener.record_consumed(listener.arg, group_id, topic);
    }
}
