/*
 * smtp_client.h - many mails at once on the event loop, to one server (RFC 5321).
 *
 * libcurl connects: names, TCP, TLS, STARTTLS, AUTH. The transaction (MAIL, RCPT, DATA) is ours, for libcurl
 * waits for the last reply in a blocking call (7.88.1, smtp_done()), with the whole process, and does not
 * tell how far it had come. Here it is known whether the server can have taken a mail: only once the end of
 * its data, the line with the single dot, may have left.
 */
#ifndef BASE_SMTP_CLIENT_H
#define BASE_SMTP_CLIENT_H

#include <uv.h>

#include "base/buffer.h"
#include "base/http_client.h"

struct smtp_client;
struct smtp_exchange;

enum smtp_tls {
    SMTP_TLS_REQUIRED,      /* without TLS nothing is sent, no password either */
    SMTP_TLS_OPPORTUNISTIC, /* STARTTLS where the server offers it */
    SMTP_TLS_NONE,
};

/* The strings must outlive the client. */
struct smtp_client_options {
    const char *url; /* smtp://host:port or smtps://…; a path is the name that EHLO gives */
    enum smtp_tls tls;
    const char *username; /* "": no AUTH; else PLAIN or LOGIN */
    const char *password;
    const char *ca_file;         /* PEM; "": what the system trusts */
    unsigned connect_timeout_ms; /* DNS, TCP, TLS, greeting and AUTH */
    unsigned total_timeout_ms;
    unsigned idle_timeout_ms; /* a connection that was idle for longer is not used again */
    size_t reply_limit;       /* bytes; a longer reply is an error */
    size_t mail_limit;
};

struct smtp_client *smtp_client_new(uv_loop_t *loop, const struct smtp_client_options *options);

/* All exchanges must have been freed. NULL is fine. */
void smtp_client_free(struct smtp_client *client);

/*
 * A place for one mail at a time, used again and again. It keeps its connection while the server does and
 * while it is in use.
 */
struct smtp_exchange *smtp_exchange_new(struct smtp_client *client);
void smtp_exchange_free(struct smtp_exchange *exchange); /* NULL is fine */

/*
 * Where the caller writes the next mail: header, empty line, body; lines end with CRLF and have at most 998
 * bytes (RFC 5322, 2.1.1). Dots at the start of a line are not doubled yet. Empty after each end.
 */
struct buffer *smtp_exchange_mail(struct smtp_exchange *exchange);

/*
 * Sends the mail. `from` and `to` are addresses of at most 254 visible ASCII characters, without brackets.
 * `done(arg, …)` is called once, from the loop, not from within this call. Its result:
 *
 *   CURLE_OK   the server took the mail, or refused it at some step: `status` is the code of the reply
 *              that ended it, `body` its text
 *   others     there was no such reply: no connection, no login, a lost connection, a time-out, or
 *              CURLE_WEIRD_SERVER_REPLY. What the server had said against the connection is in `error`.
 */
void smtp_exchange_start(struct smtp_exchange *exchange, const char *from, const char *to, http_done_fn *done,
                         void *arg);

#endif
