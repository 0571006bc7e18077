#include "senders/verdict.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

#define PAUSE_MAX_S ((int64_t)7 * 24 * 3600) /* keeps arithmetic in range */

/* A provider's text goes into the database and to people: it must be storable and harmless. */
void verdict_make_storable(char *text)
{
    utf8_repair(text);
    for (char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = '?';
        }
    }
}

void verdict_set(struct verdict *verdict, enum error_code code, const char *format, ...)
{
    verdict->code = code;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
    verdict_make_storable(verdict->text);
}

static enum error_code transport_code(const struct http_result *result)
{
    if (result->may_be_received && result->code == CURLE_WEIRD_SERVER_REPLY) {
        return ERROR_UNREADABLE_RESPONSE;
    }
    if (result->may_be_received) {
        return result->code == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT : ERROR_CONNECTION_LOST;
    }
    switch (result->code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_USE_SSL_FAILED:
        return ERROR_TLS_FAILED;
    case CURLE_LOGIN_DENIED:
    case CURLE_AUTH_ERROR:
        return ERROR_AUTHENTICATION_FAILED;
    default:
        return ERROR_CONNECTION_FAILED;
    }
}

void verdict_of_transport(const struct http_result *result, struct verdict *ret_verdict)
{
    verdict_set(ret_verdict, transport_code(result), "%s", result->error);
    ret_verdict->http_status = result->status;
}

enum error_code verdict_of_status(int http_status)
{
    if (http_status == 429) {
        return ERROR_RATE_LIMIT_EXCEEDED;
    }
    if (http_status >= 500) {
        return ERROR_TEMPORARY_ERROR;
    }
    return http_status >= 300 ? ERROR_PROVIDER_REJECTED : ERROR_UNREADABLE_RESPONSE;
}

int64_t verdict_pause_ms(int64_t pause_s)
{
    if (pause_s <= 0) {
        return 0;
    }
    return (pause_s < PAUSE_MAX_S ? pause_s : PAUSE_MAX_S) * 1000;
}
