#include <stdlib.h>

#include "senders/provider.h"
#include "senders/sendgrid/sendgrid.h"

static const struct provider *const providers[] = {
    &sendgrid,
};

const struct provider *provider_of(enum channel channel)
{
    for (size_t i = 0; i < COUNT_OF(providers); i++) {
        if (providers[i]->channel == channel) {
            return providers[i];
        }
    }
    abort(); /* every channel has a provider; a test sees to it */
}
