/*
 * An exchange has at most one connection, and goes through these stages:
 *
 *   IDLE ──start──▶ CONNECTING ──▶ MAIL ──▶ RCPT ──▶ DATA ──▶ CONTENT ──▶ IDLE
 *     └──start, connection kept──▶ (RSET) ──▶ MAIL …
 *
 * A stage is a command on its way or a reply awaited. Each ends in end(), which keeps or drops the
 * connection.
 */
#include "base/smtp_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/curl_loop.h"
#include "base/memory.h"
#include "base/smtp_reply.h"

#define COMMAND_MAX 1024 /* more than two paths and their verbs */
#define CHUNK ((size_t)16 * 1024)
#define SAID_MAX 512 /* RFC 5321, 4.5.3.1.5: a reply line */

enum stage { IDLE, CONNECTING, RSET, MAIL, RCPT, DATA, CONTENT };

struct smtp_client {
    struct smtp_client_options options;
    uv_loop_t *loop;
};

struct connection {
    struct smtp_exchange *exchange; /* NULL: dropped, its handles are closing */
    CURL *easy;
    uv_poll_t poll; /* initialised once connected */
    uv_timer_t timer;
    int open_handles;
    bool connected;
    bool open_transaction; /* the server may wait for the rest of a transaction that we gave up */
    int64_t used_us;
    char said[SAID_MAX]; /* the server's last line while libcurl connected */
};

struct smtp_exchange {
    struct smtp_client *client;
    struct curl_loop *curl; /* not shared: libcurl closes connections of others that seem unused to it */
    struct connection *connection; /* NULL: none */
    enum stage stage;
    char mail_command[COMMAND_MAX];
    char rcpt_command[COMMAND_MAX];
    struct buffer mail;
    struct buffer out; /* a command, or the content */
    size_t out_sent;
    struct buffer in;
    struct buffer text;     /* of a reply */
    bool end_may_have_left; /* the line with the single dot */
    char error[CURL_ERROR_SIZE];
    int64_t started_us;
    http_done_fn *done;
    void *arg;
};

struct smtp_client *smtp_client_new(uv_loop_t *loop, const struct smtp_client_options *options)
{
    struct smtp_client *client = NEW(struct smtp_client);
    client->options = *options;
    client->loop = loop;
    return client;
}

void smtp_client_free(struct smtp_client *client)
{
    free(client);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    if (--connection->open_handles == 0) {
        free(connection);
    }
}

/* Closes the socket. QUIT is said where the server expects a command; its reply is not waited for. */
static void drop_connection(struct smtp_exchange *exchange, bool quit)
{
    struct connection *connection = exchange->connection;
    if (!connection) {
        return;
    }
    exchange->connection = NULL;
    connection->exchange = NULL;
    if (connection->connected) {
        size_t sent;
        if (quit) {
            (void)curl_easy_send(connection->easy, "QUIT\r\n", 6, &sent);
        }
        uv_close((uv_handle_t *)&connection->poll, on_handle_closed); /* before libcurl closes its socket */
    }
    curl_loop_remove(exchange->curl, connection->easy);
    curl_easy_cleanup(connection->easy);
    uv_close((uv_handle_t *)&connection->timer, on_handle_closed);
}

/* `code` CURLE_OK: `reply` has arrived and its text is in exchange->text. */
static void end(struct smtp_exchange *exchange, CURLcode code, int reply)
{
    const bool clean = code == CURLE_OK && reply != 421 && exchange->in.length == 0 &&
                       exchange->out_sent == exchange->out.length;
    if (clean) {
        exchange->connection->open_transaction = reply >= 400;
        exchange->connection->used_us = clock_monotonic_us();
        uv_timer_stop(&exchange->connection->timer);
    } else {
        drop_connection(exchange, false);
    }
    exchange->stage = IDLE;
    const struct http_result result = {
        .code = code,
        .status = reply,
        .may_be_received = exchange->end_may_have_left,
        .error = *exchange->error ? exchange->error : curl_easy_strerror(code),
        .body = &exchange->text,
        .duration_us = clock_monotonic_us() - exchange->started_us,
    };
    buffer_clear(&exchange->mail);
    exchange->done(exchange->arg, &result);
}

/* The connection is of no more use. `why` is for people, where libcurl has no words of its own. */
static void fail(struct smtp_exchange *exchange, CURLcode code, const char *why)
{
    if (!*exchange->error) {
        (void)snprintf(exchange->error, sizeof exchange->error, "%s", why);
    }
    buffer_clear(&exchange->text);
    end(exchange, code, 0);
}

static void command(struct smtp_exchange *exchange, enum stage stage, const char *line)
{
    exchange->stage = stage;
    exchange->out_sent = 0;
    buffer_clear(&exchange->out);
    buffer_text(&exchange->out, line);
}

/* RFC 5321, 4.5.2: a dot at the start of a line is doubled, a single one on a line ends the mail. */
static void content(struct smtp_exchange *exchange)
{
    command(exchange, CONTENT, "");
    const char *at = exchange->mail.bytes;
    const char *const last = at + exchange->mail.length;
    while (at < last) {
        const char *line_end = memchr(at, '\n', (size_t)(last - at));
        const size_t length = line_end ? (size_t)(line_end + 1 - at) : (size_t)(last - at);
        buffer_text(&exchange->out, *at == '.' ? "." : "");
        buffer_append(&exchange->out, at, length);
        at += length;
    }
    const bool ended = exchange->mail.length > 0 && last[-1] == '\n';
    buffer_text(&exchange->out, ended ? ".\r\n" : "\r\n.\r\n");
}

/* When writing fails, reading tells why: the server's last words may be there, or the end of the connection.
 */
static void flush(struct smtp_exchange *exchange)
{
    while (exchange->out_sent < exchange->out.length) {
        const size_t left = exchange->out.length - exchange->out_sent;
        const size_t part = left < CHUNK ? left : CHUNK;
        size_t sent;
        if (exchange->stage == CONTENT && part == left) {
            exchange->end_may_have_left = true;
        }
        const CURLcode code =
            curl_easy_send(exchange->connection->easy, exchange->out.bytes + exchange->out_sent, part, &sent);
        if (code != CURLE_OK) {
            return;
        }
        exchange->out_sent += sent;
    }
}

/* The reply to the command of this stage, and what follows it. False: the exchange has ended. */
static bool on_reply(struct smtp_exchange *exchange, int reply)
{
    static const int wanted[] = {[RSET] = 2, [MAIL] = 2, [RCPT] = 2, [DATA] = 3, [CONTENT] = 2};
    const bool early = exchange->out_sent < exchange->out.length;
    if (reply >= 400 && exchange->stage != RSET) {
        end(exchange, CURLE_OK, reply);
        return false;
    }
    const bool more = exchange->in.length > 0 && exchange->stage != CONTENT;
    if (reply / 100 != wanted[exchange->stage] || early || more) {
        fail(exchange, CURLE_WEIRD_SERVER_REPLY, "the server's reply does not fit what it was asked");
        return false;
    }
    switch (exchange->stage) {
    case RSET:
        command(exchange, MAIL, exchange->mail_command);
        break;
    case MAIL:
        command(exchange, RCPT, exchange->rcpt_command);
        break;
    case RCPT:
        command(exchange, DATA, "DATA\r\n");
        break;
    case DATA:
        content(exchange);
        break;
    default:
        end(exchange, CURLE_OK, reply);
        return false;
    }
    flush(exchange);
    return true;
}

/* False: the exchange has ended, or an idle connection is gone. */
static bool receive(struct smtp_exchange *exchange)
{
    for (;;) {
        char bytes[2048];
        size_t length = 0;
        const CURLcode code = curl_easy_recv(exchange->connection->easy, bytes, sizeof bytes, &length);
        if (code == CURLE_AGAIN) {
            return true;
        }
        if (exchange->stage == IDLE) { /* a farewell, or none */
            drop_connection(exchange, false);
            return false;
        }
        if (code != CURLE_OK || length == 0) {
            fail(exchange, code == CURLE_OK ? CURLE_GOT_NOTHING : code,
                 "the connection ended before a reply");
            return false;
        }
        buffer_append(&exchange->in, bytes, length);
        const int reply = smtp_reply_take(&exchange->in, &exchange->text);
        if (reply == SMTP_REPLY_MALFORMED) {
            fail(exchange, CURLE_WEIRD_SERVER_REPLY, "the server's answer is no SMTP reply");
            return false;
        }
        if (reply != SMTP_REPLY_INCOMPLETE && !on_reply(exchange, reply)) {
            return false;
        }
    }
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void await(struct smtp_exchange *exchange)
{
    struct connection *connection = exchange->connection;
    const bool writing = exchange->stage != IDLE && exchange->out_sent < exchange->out.length;
    uv_poll_start(&connection->poll, UV_READABLE | (writing ? UV_WRITABLE : 0), on_ready);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct smtp_exchange *exchange = ((struct connection *)poll->data)->exchange;
    (void)status; /* an error shows when it is read */
    (void)events; /* with TLS, reading may mean writing */
    if (exchange->stage != IDLE) {
        flush(exchange);
    }
    if (receive(exchange)) {
        await(exchange);
    }
}

static void on_timeout(uv_timer_t *timer)
{
    struct smtp_exchange *exchange = ((struct connection *)timer->data)->exchange;
    fail(exchange, CURLE_OPERATION_TIMEDOUT, "no reply in time");
}

/* libcurl has connected, or could not. */
static void on_connected(void *transfer, CURLcode code)
{
    struct connection *connection = transfer;
    struct smtp_exchange *exchange = connection->exchange;
    if (code != CURLE_OK) {
        const size_t length = strlen(exchange->error);
        if (*connection->said >= '4') {
            (void)snprintf(exchange->error + length, sizeof exchange->error - length, "%s%s",
                           length > 0 ? ": " : "", connection->said);
        }
        end(exchange, code, 0);
        return;
    }
    curl_socket_t fd;
    curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &fd);
    exchange->error[0] = '\0'; /* of an address before the one that answered */
    connection->connected = true;
    connection->open_handles++;
    uv_poll_init_socket(exchange->client->loop, &connection->poll, fd);
    connection->poll.data = connection;
    command(exchange, MAIL, exchange->mail_command);
    await(exchange);
}

static size_t note_line(char *bytes, size_t size, size_t count, void *arg)
{
    struct connection *connection = arg;
    const size_t length = size * count;
    (void)snprintf(connection->said, sizeof connection->said, "%.*s", (int)length, bytes);
    connection->said[strcspn(connection->said, "\r\n")] = '\0';
    return length;
}

static CURL *new_easy(struct smtp_exchange *exchange, struct connection *connection)
{
    static const long levels[] = {[SMTP_TLS_REQUIRED] = CURLUSESSL_ALL,
                                  [SMTP_TLS_OPPORTUNISTIC] = CURLUSESSL_TRY,
                                  [SMTP_TLS_NONE] = CURLUSESSL_NONE};
    const struct smtp_client_options *options = &exchange->client->options;
    CURL *easy = curl_easy_init();
    if (!easy) {
        memory_stop();
    }
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* no waiting for the resolver's thread */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_URL, options->url);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, levels[options->tls]);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, note_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, connection);
    if (*options->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (*options->username) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, options->username);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, options->password);
        /* Else a name with an @ would first be tried with Kerberos where a server offers that. */
        curl_easy_setopt(easy, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
    }
    return easy;
}

static void connect_anew(struct smtp_exchange *exchange)
{
    struct connection *connection = exchange->connection = NEW(struct connection);
    connection->exchange = exchange;
    connection->easy = new_easy(exchange, connection);
    connection->timer.data = connection;
    connection->open_handles = 1;
    uv_timer_init(exchange->client->loop, &connection->timer);
    exchange->stage = CONNECTING;
    curl_loop_add(exchange->curl, connection->easy, connection);
}

struct smtp_exchange *smtp_exchange_new(struct smtp_client *client)
{
    struct smtp_exchange *exchange = NEW(struct smtp_exchange);
    exchange->client = client;
    exchange->curl = curl_loop_new(client->loop, 1, on_connected);
    buffer_init(&exchange->mail, client->options.mail_limit);
    buffer_init(&exchange->out, client->options.mail_limit * 2 + COMMAND_MAX); /* dots may be doubled */
    buffer_init(&exchange->in, client->options.reply_limit);
    buffer_init(&exchange->text, client->options.reply_limit);
    return exchange;
}

void smtp_exchange_free(struct smtp_exchange *exchange)
{
    if (!exchange) {
        return;
    }
    drop_connection(exchange, exchange->stage == IDLE);
    curl_loop_free(exchange->curl);
    buffer_release(&exchange->mail);
    buffer_release(&exchange->out);
    buffer_release(&exchange->in);
    buffer_release(&exchange->text);
    free(exchange);
}

struct buffer *smtp_exchange_mail(struct smtp_exchange *exchange)
{
    return &exchange->mail;
}

void smtp_exchange_start(struct smtp_exchange *exchange, const char *from, const char *to, http_done_fn *done,
                         void *arg)
{
    exchange->done = done;
    exchange->arg = arg;
    exchange->started_us = clock_monotonic_us();
    exchange->error[0] = '\0';
    exchange->end_may_have_left = false;
    buffer_clear(&exchange->in);
    buffer_clear(&exchange->text);
    (void)snprintf(exchange->mail_command, COMMAND_MAX, "MAIL FROM:<%s>\r\n", from);
    (void)snprintf(exchange->rcpt_command, COMMAND_MAX, "RCPT TO:<%s>\r\n", to);

    const int64_t idle_max_us = (int64_t)exchange->client->options.idle_timeout_ms * 1000;
    if (exchange->connection && exchange->started_us - exchange->connection->used_us > idle_max_us) {
        drop_connection(exchange, true);
    }
    if (!exchange->connection) {
        connect_anew(exchange);
    } else if (exchange->connection->open_transaction) {
        command(exchange, RSET, "RSET\r\n");
        await(exchange);
    } else {
        command(exchange, MAIL, exchange->mail_command);
        await(exchange);
    }
    uv_timer_start(&exchange->connection->timer, on_timeout, exchange->client->options.total_timeout_ms, 0);
}
