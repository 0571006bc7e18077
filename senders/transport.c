#include <string.h>

#include "senders/sender.h"

#define ANSWER_LIMIT ((size_t)16 * 1024)
/* Servers wait five minutes for the next command (RFC 5321, 4.5.3.2.7); what lies between is less patient. */
#define IDLE_CONNECTION_MAX_MS 50000
#define MAIL_LIMIT ((size_t)4 * 1024 * 1024) /* the largest payload, three bytes for one, and a header */

static void open_http(struct sender *sender)
{
    const struct config *config = sender->config;
    sender->http = http_client_new(
        &sender->service.loop,
        &(struct http_client_options){.connect_timeout_ms = (unsigned)config->sender_connect_timeout_ms,
                                      .total_timeout_ms = (unsigned)config->sender_timeout_ms,
                                      .max_connections = (unsigned)sender->places,
                                      .response_limit = ANSWER_LIMIT,
                                      .plain_http = strncmp(sender->endpoint.url, "http://", 7) == 0,
                                      .ca_file = *config->sender_ca_file ? config->sender_ca_file : NULL});
}

static void open_smtp(struct sender *sender)
{
    struct smtp_client_options options = sender->endpoint.mail;
    options.connect_timeout_ms = (unsigned)sender->config->sender_connect_timeout_ms;
    options.total_timeout_ms = (unsigned)sender->config->sender_timeout_ms;
    options.idle_timeout_ms = IDLE_CONNECTION_MAX_MS;
    options.reply_limit = ANSWER_LIMIT;
    options.mail_limit = MAIL_LIMIT;
    sender->smtp = smtp_client_new(&sender->service.loop, &options);
    for (size_t i = 0; i < sender->places; i++) {
        sender->deliveries[i].mail = smtp_exchange_new(sender->smtp);
    }
}

void transport_open(struct sender *sender)
{
    if (sender->provider->by_smtp) {
        open_smtp(sender);
    } else {
        open_http(sender);
    }
}

void transport_close(struct sender *sender)
{
    for (size_t i = 0; i < sender->places; i++) {
        http_exchange_free(sender->deliveries[i].exchange);
        smtp_exchange_free(sender->deliveries[i].mail);
    }
    http_client_free(sender->http);
    smtp_client_free(sender->smtp);
    curl_slist_free_all(sender->endpoint.headers);
}

struct buffer *transport_body(struct delivery *delivery)
{
    struct sender *sender = delivery->sender;
    if (sender->smtp) {
        return smtp_exchange_mail(delivery->mail);
    }
    if (!delivery->exchange) {
        delivery->exchange = http_exchange_new(sender->http);
    }
    return http_exchange_body(delivery->exchange);
}

void transport_start(struct delivery *delivery, http_done_fn *done)
{
    const struct sender *sender = delivery->sender;
    struct curl_slist *headers = attempt_request(delivery);
    if (sender->smtp) {
        smtp_exchange_start(delivery->mail, sender->config->email_from, delivery->message.to, done, delivery);
        return;
    }
    const struct endpoint *endpoint = &sender->endpoint;
    const struct http_call call = {.url = endpoint->url,
                                   .headers = headers,
                                   .user = endpoint->user,
                                   .password = endpoint->password,
                                   .aws_sigv4 = *endpoint->aws_sigv4 ? endpoint->aws_sigv4 : NULL};
    http_exchange_start(delivery->exchange, &call, done, delivery);
}

const char *transport_header(void *delivery, const char *name)
{
    struct http_exchange *exchange = ((struct delivery *)delivery)->exchange;
    return exchange ? http_exchange_header(exchange, name) : NULL;
}
