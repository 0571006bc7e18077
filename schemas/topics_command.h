/*
 * topics_command.h - `outbound topics apply|check`: the cluster's topics against topics.def.
 */
#ifndef SCHEMAS_TOPICS_COMMAND_H
#define SCHEMAS_TOPICS_COMMAND_H

#include <stdbool.h>

#include "schemas/config.h"

/*
 * Prints one line (or JSON object) per topic with what differs. With `apply` missing topics are created,
 * missing partitions added and the retention set; partitions are never taken away. Returns the exit code: 0
 * when all is as it should be, 1 when something differs or failed.
 */
int topics_command_run(const struct config *config, bool apply, bool json);

#endif
