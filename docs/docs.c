#include "docs/docs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "base/kafka_properties.h"
#include "base/log.h"
#include "metrics/metrics.h"
#include "schemas/asyncapi.h"
#include "schemas/config.h"
#include "schemas/errors.h"
#include "schemas/states.h"
#include "schemas/topics.h"

static const struct page {
    const char *name;
    const char *title; /* NULL: the page is no Markdown and all its own */
    const char *source;
    const char *introduction;
    void (*print)(FILE *out);
} pages[] = {
    {"CONFIG.md", "Settings", "schemas/settings.def",
     "The environment wins over the YAML file (`--config=FILE`), the file over the defaults. A secret can be "
     "given as "
     "a file: `NAME_FILE=/path`. `outbound COMMAND --print-config` shows what is in force.",
     config_print_markdown},
    {"ERRORS.md", "Error codes", "schemas/errors.def",
     "Why an attempt did not succeed: in `outbound_message.error_code`, `outbound_attempt.error_code`, the "
     "header "
     "`x-error-code` of dead letters, and the label `error_code`.",
     errors_print_markdown},
    {"KAFKA_PROPERTIES.md", "Properties of Kafka that cannot be set", "base/kafka_reserved.def",
     "All others of librdkafka can: [kafka.md](kafka.md).", kafka_properties_print_markdown},
    {"METRICS.md", "Metrics", "metrics/metrics.def",
     "The producer serves those of its own at `/metrics` and `/actuator/prometheus`, every other role at "
     "`/metrics` on "
     "a port of its own (`OUTBOUND_METRICS_PORT`). What is counted in PostgreSQL and Kafka is the exporter's "
     "alone, so "
     "that nothing is counted twice.",
     metrics_print_markdown},
    {"STATES.md", "States of a message", "schemas/states.def",
     "`outbound_message.status`, and every change that can happen to it.", states_print_markdown},
    {"TOPICS.md", "Topics", "schemas/topics.def",
     "`outbound topics apply` creates them, `outbound topics check` compares.", topics_print_markdown},
    {"asyncapi.yaml", NULL, NULL, NULL, asyncapi_print},
};

static bool write_page(const char *folder, const struct page *page)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, page->name);
    FILE *out = fopen(path, "w");
    if (!out) {
        log_error("cannot write %s: %s", path, strerror(errno));
        return false;
    }
    if (page->title) {
        (void)fprintf(out, "# %s\n\n%s\n\nGenerated from `%s` by `./dev docs`.\n\n", page->title,
                      page->introduction, page->source);
    }
    page->print(out);
    return fclose(out) == 0;
}

int docs_write(const char *folder)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (!write_page(folder, &pages[i])) {
            return 1;
        }
    }
    return 0;
}
