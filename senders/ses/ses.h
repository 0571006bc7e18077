/*
 * ses.h - e-mail by Amazon SES, API version 2.
 *
 * Request and errors: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 */
#ifndef SENDERS_SES_H
#define SENDERS_SES_H

#include "senders/provider.h"

extern const struct provider ses;

#endif
