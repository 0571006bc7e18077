#include "base/kafka_trouble.h"

#include <stdio.h>
#include <string.h>

/* https://github.com/confluentinc/librdkafka/pull/4895: it sent its nonce twice, which brokers did not mind
 * until 4.0. */
#define SCRAM_FIXED_VERSION 0x02060100

/*
 * To librdkafka 2.0.2 some refusals are lost connections like any other, and only its text tells: a TLS
 * listener hangs up on a plaintext client, or sends an alert when a client certificate is missing.
 */
static bool is_hidden_refusal(rd_kafka_resp_err_t code, const char *reason)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT &&
           (strstr(reason, "security.protocol") || strstr(reason, "SSL alert"));
}

static bool is_refusal(rd_kafka_resp_err_t code, const char *reason)
{
    return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ||
           is_hidden_refusal(code, reason);
}

/* One of several, perhaps. */
static bool is_lost_connection(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE ||
           code == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

/* Each kind is told by itself; more of them than there are places share the last one. */
static struct log_seldom *last_of(struct kafka_trouble *trouble, rd_kafka_resp_err_t code)
{
    size_t i = 0;
    while (i < KAFKA_TROUBLE_KINDS - 1 && trouble->told[i].code && trouble->told[i].code != code) {
        i++;
    }
    trouble->told[i].code = code;
    return &trouble->told[i].last;
}

/* What librdkafka's words leave out. */
static const char *hint_for(rd_kafka_resp_err_t code, const char *reason)
{
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION && strstr(reason, "SCRAM") &&
        rd_kafka_version() < SCRAM_FIXED_VERSION) {
        return "; or librdkafka is too old: before 2.6.1 its SCRAM is refused by Kafka 4.0 and later";
    }
    if (code == RD_KAFKA_RESP_ERR__SSL && strstr(reason, "certificate verify failed")) {
        return "; or the certificate does not name this host";
    }
    return "";
}

void kafka_trouble_report(struct kafka_trouble *trouble, const char *who, rd_kafka_resp_err_t code,
                          const char *reason)
{
    const bool refusal = is_refusal(code, reason);
    const char *hint = hint_for(code, reason);
    if (refusal) {
        (void)snprintf(trouble->refused, sizeof trouble->refused, "%s%s", reason, hint);
    }
    const bool known = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && *trouble->refused;
    if (who && (refusal || !(known || is_lost_connection(code)))) {
        log_seldom(last_of(trouble, code), "%s: %s: %s%s", who, rd_kafka_err2name(code), reason, hint);
    } else if (who) {
        log_debug("%s: %s: %s", who, rd_kafka_err2name(code), reason);
    }
}

void kafka_trouble_over(struct kafka_trouble *trouble)
{
    trouble->refused[0] = '\0';
}

const char *kafka_trouble_refused(const struct kafka_trouble *trouble)
{
    return *trouble->refused ? trouble->refused : NULL;
}
