/*
 * router.h - where a record goes next.
 */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include "schemas/config.h"
#include "schemas/errors.h"
#include "schemas/reference.h"
#include "schemas/topics.h"

/*
 * Where the record `bytes` of the accepted topic goes: *ret_topic. For the dead-letter topic *ret_code says
 * why, otherwise it is ERROR_NONE.
 */
void route_decide(const void *bytes, size_t length, enum topic *ret_topic, enum error_code *ret_code);

#endif
