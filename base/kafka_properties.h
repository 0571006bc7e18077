/*
 * kafka_properties.h - librdkafka's own properties as the user gives them (KAFKA_PROPERTIES).
 *
 * A text of name=value, separated by commas or line ends; blanks around names and values do not count. A name
 * may have the prefix "kafka.". Within a value a backslash stands before a comma or a line end that belongs
 * to it, and before a backslash that stands before one of them. Of equal names the last counts.
 *
 * Properties that outbound sets itself are refused (kafka_reserved.def).
 */
#ifndef BASE_KAFKA_PROPERTIES_H
#define BASE_KAFKA_PROPERTIES_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/attributes.h"
#include "base/error.h"

/* NULL counts as none. The error names the property, never a value that could be a secret. */
MUST_CHECK bool kafka_properties_set(rd_kafka_conf_t *conf, const char *properties, struct error *error);

/*
 * The same without a use for it, and whether producers and consumers can be made with these properties: files
 * that are named have to be there, a mechanism has to have its credentials. Connects to nothing.
 */
MUST_CHECK bool kafka_properties_check(const char *properties, struct error *error);

/* Why a user may not set this property; NULL when he may. */
const char *kafka_property_reserved(const char *name);

/* Those and why, as a table. */
void kafka_properties_print_markdown(FILE *out);

#endif
