#include <string.h>

#include "senders/provider.h"
#include "senders/sendgrid/sendgrid.h"
#include "senders/ses/ses.h"
#include "senders/smtp/smtp.h"
#include "senders/sns/sns.h"
#include "senders/twilio/twilio.h"
#include "senders/whatsapp/whatsapp.h"

static const struct provider *const providers[] = {
    &sendgrid, &ses, &smtp, &sns, &twilio, &whatsapp,
};

bool provider_body_fits(const struct buffer *body, struct verdict *ret_verdict)
{
    if (body->overflow) {
        verdict_set(ret_verdict, ERROR_MESSAGE_TOO_LARGE,
                    "the request would be larger than this sender allows");
    }
    return !body->overflow;
}

const struct provider *provider_find(enum channel channel, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(providers); i++) {
        if (providers[i]->channel == channel && strcmp(providers[i]->name, name) == 0) {
            return providers[i];
        }
    }
    return NULL;
}
