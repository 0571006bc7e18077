/* What Alertmanager's webhook may bring: whatever it is, the alerts in it become messages that can be stored.
 */
#include <string.h>

#include "producer/alert_notification.h"
#include "tests/fuzz/targets.h"

static const struct config config = {.default_org_id = "default",
                                     .alert_recipient = "+4915112345678",
                                     .alert_template = "alert",
                                     .alert_repeat_ms = 3600000};

int fuzz_alert(const uint8_t *bytes, size_t length)
{
    struct arena arena = {NULL};
    struct violations violations = {.arena = &arena};
    struct alert *alerts = NULL;
    size_t count = 0;
    alert_notification_parse((const char *)bytes, length, &alerts, &count, &violations);
    must(count <= ALERTS_MAX);
    for (size_t i = 0; i < violations.count; i++) {
        must_be_storable(violations.items[i].field, strlen(violations.items[i].field));
        must_be_storable(violations.items[i].detail, strlen(violations.items[i].detail));
    }
    for (size_t i = 0; violations.count == 0 && i < count; i++) {
        struct new_message message = {.correlation_id = text_of("c")};
        alert_message(&alerts[i], &config, 1, &arena, &message);
        new_message_check(&message, MESSAGE_BY_HTTP, 1, &violations);
        must(violations.count == 0);
    }
    arena_release(&arena);
    return 0;
}
