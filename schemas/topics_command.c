#include "schemas/topics_command.h"

#include <stdio.h>

#include "base/log.h"
#include "schemas/topic_admin.h"

#define TIMEOUT_MS 30000

/* What differs between the cluster and the table, in words; "" when nothing does. */
static void describe(const struct topic_state *topic, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    if (topic->partitions == 0) {
        (void)snprintf(ret_text, size, "missing");
    } else if (topic->partitions < topic->wanted_partitions) {
        (void)snprintf(ret_text, size, "has %d partitions, wants %d", topic->partitions,
                       topic->wanted_partitions);
    } else if (topic->retention_ms != topic->wanted_retention_ms) {
        (void)snprintf(ret_text, size, "has " TOPIC_RETENTION " %lld, wants %lld",
                       (long long)topic->retention_ms, (long long)topic->wanted_retention_ms);
    } else if (topic_messages_too_small(topic)) {
        (void)snprintf(ret_text, size, "has " TOPIC_MESSAGE_BYTES " %lld, wants %lld or more",
                       (long long)topic->message_bytes, (long long)topic->wanted_message_bytes);
    }
}

static size_t print_differences(const struct topic_admin *admin, bool apply, bool json)
{
    size_t different = 0;
    for (size_t i = 0; i < admin->count; i++) {
        char text[160];
        describe(&admin->topics[i], text, sizeof text);
        different += *text != '\0';
        const char *result = !*text ? "ok" : apply ? "changed" : "differs";
        if (json) {
            (void)printf("{\"topic\":\"%s\",\"result\":\"%s\",\"detail\":\"%s\"}\n", admin->topics[i].name,
                         result, text);
        } else {
            (void)printf("%-34s %-8s %s\n", admin->topics[i].name, result, text);
        }
    }
    return different;
}

int topics_command_run(const struct config *config, bool apply, bool json)
{
    struct topic_admin admin;
    struct error error;
    bool fine = topic_admin_open(&admin, config, "outbound-topics", TIMEOUT_MS, &error) &&
                topic_admin_read(&admin, &error) && topic_admin_read_settings(&admin, &error);
    size_t different = 0;
    if (fine && apply) {
        fine = topic_admin_create(&admin, &error) && topic_admin_add_partitions(&admin, &error) &&
               topic_admin_change_settings(&admin, &error) && topic_admin_await_leaders(&admin, &error);
    }
    if (fine) {
        different = print_differences(&admin, apply, json);
    } else {
        log_error("%s", error.text);
    }
    topic_admin_close(&admin);
    return fine && (apply || different == 0) ? 0 : 1;
}
