/*
 * endpoint.h - the parts of an endpoint that drivers make from settings.
 *
 * Each returns false, naming the setting, when its value cannot be used.
 */
#ifndef SENDERS_ENDPOINT_H
#define SENDERS_ENDPOINT_H

#include "base/attributes.h"
#include "senders/provider.h"

/* The base URL, without a slash at its end, and the path. `setting` names the base URL's. */
bool endpoint_set_url(struct endpoint *endpoint, const char *setting, const char *base_url,
                      struct error *error, const char *path_format, ...) PRINTF_LIKE(5, 6);

/* A secret that goes into a header: it is required, without spaces and line ends, and not endless. */
bool endpoint_check_secret(const char *setting, const char *secret, struct error *error);

/* For Basic authentication (RFC 7617), both checked as above. Appends the header. */
void endpoint_add_basic(struct endpoint *endpoint, const char *user, const char *password);

/* For bearer tokens (RFC 6750), checked as above. Appends the header. */
void endpoint_add_bearer(struct endpoint *endpoint, const char *token);

/* Of the requests' bodies. libcurl's "Expect: 100-continue" goes, which costs a round trip. */
void endpoint_add_content_type(struct endpoint *endpoint, const char *type);

#endif
