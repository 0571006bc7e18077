/*
 * aws.h - what the drivers for Amazon's services have in common: where and as whom, and what an error means.
 *
 * Common errors: https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html (the same for every service)
 */
#ifndef SENDERS_AWS_H
#define SENDERS_AWS_H

#include "base/attributes.h"
#include "senders/provider.h"

struct aws_service {
    const char *name; /* as signatures have it */
    const char *host; /* first label of the name of the service's host */
    const char *path;
    const char *content_type;
    const char *url_setting; /* name of the setting that replaces the service's own host */
};

/* The endpoint of a service, by the settings AWS_…; `url` is the value of service->url_setting. */
MUST_CHECK bool aws_endpoint(const struct config *config, const struct aws_service *service, const char *url,
                             struct endpoint *ret_endpoint, struct error *error);

/* What a service says; empty strings where it says nothing. */
struct aws_error {
    char code[96]; /* for example "ThrottlingException" */
    char message[400];
};

/* An error with this code, and with these words in its message if they are not NULL, means `meaning`. */
struct aws_rule {
    const char *code;
    const char *words;
    enum error_code meaning;
};

/* Judges an answer that is not a success: by the first rule that fits, then by AWS's common errors. */
void aws_judge(const struct provider_answer *answer, const struct aws_error *said,
               const struct aws_rule *rules, size_t rule_count, struct verdict *ret_verdict);

#endif
