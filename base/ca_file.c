#include "base/ca_file.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

bool ca_file_check(const char *setting, const char *path, struct error *error)
{
    if (!*path) {
        return true;
    }
    FILE *file = fopen(path, "r");
    if (!file) {
        return error_set(error, "%s: cannot read %s: %s", setting, path, strerror(errno));
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    const bool found = certificate != NULL;
    X509_free(certificate);
    return found || error_set(error, "%s: %s has no certificate in PEM", setting, path);
}
