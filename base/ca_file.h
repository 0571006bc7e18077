/*
 * ca_file.h - a file of certificates that a server's must come from, as a setting names it.
 */
#ifndef BASE_CA_FILE_H
#define BASE_CA_FILE_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"

/* Whether `path` can be read and holds a certificate in PEM; else the error names `setting`. "" is none:
 * fine. */
MUST_CHECK bool ca_file_check(const char *setting, const char *path, struct error *error);

#endif
