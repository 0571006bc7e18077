/*
 * sns.h - text messages by Amazon SNS: the action Publish to a phone number.
 *
 * Request and errors: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
 * Attributes: https://docs.aws.amazon.com/sns/latest/dg/sms_sending-overview.html
 */
#ifndef SENDERS_SNS_H
#define SENDERS_SNS_H

#include "senders/provider.h"

extern const struct provider sns;

#endif
