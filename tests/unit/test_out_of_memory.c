/*
 * Each allocation of a unit fails in turn. The process ends and says that it is out of memory, or all is as
 * if nothing had happened and nothing is left behind; at the start it may be an error. Never is a good input
 * said to be bad, or half of it taken.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/kafka_properties.h"
#include "base/library_memory.h"
#include "base/log.h"
#include "base/pg.h"
#include "base/smtp_client.h"
#include "metrics/sentry_dsn.h"
#include "producer/alert_notification.h"
#include "producer/message_request.h"
#include "schemas/avro_compat.h"
#include "schemas/avro_schemas.h"
#include "schemas/letter_record.h"
#include "schemas/request_record.h"
#include "senders/payload_text.h"
#include "senders/sendgrid/sendgrid.h"
#include "senders/ses/ses.h"
#include "senders/smtp/smtp.h"
#include "senders/sns/sns.h"
#include "senders/twilio/twilio.h"
#include "senders/whatsapp/whatsapp.h"
#include "support/faulty_malloc.h"
#include "support/loop.h"
#include "support/pg_peer.h"
#include "support/smtp_peer.h"
#include "support/temp_file.h"
#include "support/time_limit.h"
#include "tests/fuzz/targets.h"

static void begin(void)
{
    time_limit();
    library_memory_set();
}

TestSuite(out_of_memory, .init = begin);

#define ALLOCATIONS_MAX 5000

enum outcome { RIGHT, REFUSED, WRONG };
typedef enum outcome unit_fn(void);

enum end { AS_EVER = 40, SURVIVED, DECLINED, LEAKED, LIED };

static _Noreturn void try_in_child(unit_fn *unit, bool at_start, size_t number, int words)
{
    const struct rlimit no_core = {0};
    const size_t before = malloc_count();
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGABRT, SIG_DFL);
    (void)signal(SIGSEGV, SIG_DFL);
    (void)dup2(words, STDERR_FILENO);
    (void)alarm(20);
    malloc_fails_at(number);
    const enum outcome outcome = unit();
    const bool failed = malloc_has_failed();
    malloc_fails_at(0);
    /* At the start libyaml and librdkafka may keep something of what did not come about. */
    const bool leaked = !at_start && malloc_count() != before;
    enum end end = AS_EVER;
    if (outcome == WRONG) {
        end = LIED;
    } else if (failed) {
        end = outcome == REFUSED ? DECLINED : leaked ? LEAKED : SURVIVED;
    }
    _exit(end);
}

/* How the unit ends when allocation `number` fails; `words` gets what it writes to standard error. */
static int try_once(unit_fn *unit, bool at_start, size_t number, char *words, size_t size)
{
    int pipe_of[2];
    int status = 0;
    cr_assert(eq(int, pipe(pipe_of), 0));
    const pid_t child = fork();
    if (child == 0) {
        (void)close(pipe_of[0]);
        try_in_child(unit, at_start, number, pipe_of[1]);
    }
    (void)close(pipe_of[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(pipe_of[0], words + length, size - 1 - length)) > 0;) {
        length += (size_t)got;
    }
    words[length] = '\0';
    (void)close(pipe_of[0]);
    cr_assert(eq(int, waitpid(child, &status, 0), child));
    return status;
}

/* librdkafka says the same in other words. */
static bool says_out_of_memory(const char *words)
{
    return strstr(words, "out of memory") || strstr(words, "rd.h:") || strstr(words, "assert");
}

static void each_in_turn(unit_fn *unit, bool at_start)
{
    size_t refused = 0;
    cr_assert(eq(int, unit(), RIGHT)); /* also does what is done once in a process */
    for (size_t number = 1; number <= ALLOCATIONS_MAX; number++) {
        char words[4096];
        const int status = try_once(unit, at_start, number, words, sizeof words);
        const int end = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        if (end == AS_EVER) {
            cr_expect(gt(sz, number, 1), "it allocates nothing");
            cr_expect(not(at_start && refused == 0), "it never returns an error: say so");
            return;
        }
        const bool stopped = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && says_out_of_memory(words);
        refused += end == DECLINED;
        cr_expect(stopped || end == SURVIVED || (end == DECLINED && at_start),
                  "allocation %zu: status %x (%s)\n%s", number, (unsigned)status,
                  end == LIED     ? "wrong result"
                  : end == LEAKED ? "leak"
                  : end == 0      ? "crash"
                                  : "unexpected error",
                  words);
    }
    cr_assert(false, "it never comes to an end");
}

/* --- what comes in */

static enum outcome take_message(void)
{
    static const char body[] =
        "{\"dossierId\":1,\"channel\":\"EMAIL\",\"to\":\"ada@example.com\",\"templateCode\":\"t\","
        "\"subject\":\"\\u00e4\",\"payloadJson\":{\"a\":[1,2.5,{\"b\":\"c\"}]},\"priority\":\"urgent\"}";
    struct arena arena = {0};
    struct violations violations = {.arena = &arena};
    struct new_message message = {.org_id = text_of("o"),
                                  .idempotency_key = text_of("key"),
                                  .correlation_id = text_of("c"),
                                  .source = text_of(MESSAGE_SOURCE_HTTP),
                                  .priority = text_of(PRIORITY_NORMAL)};
    message_request_parse(body, sizeof body - 1, &arena, &message, &violations);
    new_message_check(&message, MESSAGE_BY_HTTP, 1, &violations);
    const bool right = violations.count == 0 && message.has_request_hash &&
                       message.channel == CHANNEL_EMAIL &&
                       message.payload.length == strlen("{\"a\":[1,2.5,{\"b\":\"c\"}]}");
    arena_release(&arena);
    return right ? RIGHT : WRONG;
}

Test(out_of_memory, of_a_message_by_http)
{
    each_in_turn(take_message, false);
}

static enum outcome take_record(void)
{
    static const unsigned char datum[] = "\x02\x02k\x08shop\x00\x0e\x0a"
                                         "EMAIL\x1e"
                                         "ada@example.com\x02t\x02\x02S\x04{}\x00\x00\x00";
    struct arena arena = {0};
    struct violations violations = {.arena = &arena};
    struct new_message message = {.priority = text_of(PRIORITY_NORMAL)};
    enum error_code code = ERROR_NONE;
    struct error error;
    const char *schema = avro_schema_text(SCHEMA_MESSAGE_REQUEST);
    struct request_reader *reader = request_reader_new(schema, strlen(schema), &error);
    const bool right =
        reader &&
        request_reader_read(reader, datum, sizeof datum - 1, &arena, &message, &violations, &code) &&
        violations.count == 0 && message.dossier_id == 7;
    request_reader_free(reader);
    arena_release(&arena);
    return right ? RIGHT : WRONG;
}

Test(out_of_memory, of_a_message_by_kafka)
{
    each_in_turn(take_record, false);
}

static enum outcome take_alert(void)
{
    static const char body[] =
        "{\"version\":\"4\",\"alerts\":[{\"status\":\"firing\",\"labels\":{\"alertname\":\"A\"},"
        "\"annotations\":{\"description\":\"d\"},\"startsAt\":\"2026-02-01T00:00:00Z\","
        "\"fingerprint\":\"c0ffee\"}]}";
    static const struct config config = {.default_org_id = "o",
                                         .alert_recipient = "+4915112345678",
                                         .alert_template = "t",
                                         .alert_repeat_ms = 1};
    struct arena arena = {0};
    struct violations violations = {.arena = &arena};
    struct new_message message = {.correlation_id = text_of("c")};
    struct alert *alerts;
    size_t count = 0;
    alert_notification_parse(body, sizeof body - 1, &alerts, &count, &violations);
    bool right = violations.count == 0 && count == 1;
    if (right) {
        alert_message(&alerts[0], &config, 1, &arena, &message);
        new_message_check(&message, MESSAGE_BY_HTTP, 1, &violations);
        right = violations.count == 0;
    }
    arena_release(&arena);
    return right ? RIGHT : WRONG;
}

Test(out_of_memory, of_an_alert)
{
    each_in_turn(take_alert, false);
}

static enum outcome take_letter(void)
{
    const struct letter_record letter = {
        .reference = {.org_id = text_of("o"), .channel = text_of("EMAIL"), .priority = text_of("normal")},
        .error_code = text_of("TIMEOUT"),
        .reason = text_of("why"),
        .failed_by = text_of("sender"),
        .original_topic = text_of("t")};
    struct letter_record again;
    enum error_code code;
    struct buffer bytes;
    buffer_init(&bytes, 4096);
    letter_encode(&letter, &bytes);
    const bool right = letter_decode(bytes.bytes, bytes.length, &again, &code) && again.reason.length == 3;
    buffer_release(&bytes);
    return right ? RIGHT : WRONG;
}

Test(out_of_memory, of_a_dead_letter)
{
    each_in_turn(take_letter, false);
}

/* A client sees a broken connection at worst, never an answer to half of its request. */
static enum outcome take_request(void)
{
    static const char request[] =
        "POST /x?id=7&limit=5 HTTP/1.1\r\nHost: x\r\nX-Org-ID: o\r\nContent-Length: 2\r\n"
        "Connection: close\r\n\r\n{}";
    return fuzz_head((const uint8_t *)request, sizeof request - 1) == 0 ? RIGHT : WRONG;
}

Test(out_of_memory, of_a_request)
{
    each_in_turn(take_request, false);
}

/* --- what goes out, and what comes back */

static const struct config config = {.email_from = "from@example.com",
                                     .email_from_name = "Ada",
                                     .sendgrid_api_key = "key",
                                     .sendgrid_base_url = "https://example.com",
                                     .sendgrid_templates = "t=d-1",
                                     .ses_templates = "t=hello",
                                     .ses_configuration_set = "",
                                     .sns_sender_id = "",
                                     .sns_sms_type = "Transactional",
                                     .twilio_account_sid = "AC0123456789abcdef0123456789abcdef",
                                     .twilio_auth_token = "token",
                                     .twilio_from_number = "+15017122661",
                                     .twilio_messaging_service_sid = "",
                                     .twilio_status_callback_url = "",
                                     .twilio_base_url = "https://example.com",
                                     .whatsapp_templates = "t=hello:de",
                                     .whatsapp_phone_number_id = "1",
                                     .whatsapp_access_token = "token",
                                     .whatsapp_api_version = "v18.0",
                                     .whatsapp_base_url = "https://example.com"};

static const char *no_header(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return NULL;
}

/* The driver's whole work: where to, a request, and an answer that has to be `code`. */
static enum outcome deliver(const struct provider *provider, int status, const char *body,
                            enum error_code code)
{
    const struct message message = {.attempt_no = 1,
                                    .org_id = "o",
                                    .to = provider->channel == CHANNEL_EMAIL ? "ada@example.com"
                                                                             : "+15558675310",
                                    .template_code = "x",
                                    .subject = "S",
                                    .payload = "{\"text\":\"hello\",\"html\":\"<p>\"}",
                                    .correlation_id = "c"};
    const struct provider_answer answer = {
        .status = status, .body = body, .body_length = strlen(body), .header = no_header};
    struct verdict verdict = {0};
    struct endpoint endpoint = {0};
    struct error error;
    struct buffer request;
    buffer_init(&request, 65536);
    bool right = provider->build(&config, &message, &request, &verdict) && request.length > 0;
    provider->judge(&answer, &verdict);
    right = right && verdict.code == code;
    if (*config.sendgrid_base_url &&
        (provider == &sendgrid || provider == &twilio || provider == &whatsapp)) {
        right = right && provider->endpoint(&config, &endpoint, &error) && endpoint.headers &&
                endpoint.headers->next;
        curl_slist_free_all(endpoint.headers);
    }
    buffer_release(&request);
    return right ? RIGHT : WRONG;
}

/* With what a driver's map of templates says. */
static enum outcome by_template(void)
{
    static const struct {
        const struct provider *provider;
        const char *id;
    } cases[] = {{&sendgrid, "\"d-1\""}, {&ses, "\"hello\""}, {&whatsapp, "\"hello\""}};
    const struct message message = {.attempt_no = 1,
                                    .org_id = "o",
                                    .to = "ada@example.com",
                                    .template_code = "t",
                                    .subject = "S",
                                    .payload = "{\"name\":\"Ada\"}",
                                    .correlation_id = "c"};
    bool right = true;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct verdict verdict = {0};
        struct buffer request;
        buffer_init(&request, 65536);
        right = cases[i].provider->build(&config, &message, &request, &verdict) &&
                strstr(request.bytes, cases[i].id) && right;
        buffer_release(&request);
    }
    return right ? RIGHT : WRONG;
}

/* What a driver takes for its last resort when it cannot read an answer is not the code here. */
static enum outcome by_sendgrid(void)
{
    return deliver(&sendgrid, 401, "{\"errors\":[{\"message\":\"Maximum credits exceeded\"}]}",
                   ERROR_QUOTA_EXCEEDED);
}

static enum outcome by_ses(void)
{
    return deliver(&ses, 200, "{\"MessageId\":\"0100018-x\"}", ERROR_NONE);
}

static enum outcome by_smtp(void)
{
    return deliver(&smtp, 550, "5.1.1 no such user", ERROR_INVALID_EMAIL);
}

static enum outcome by_sns(void)
{
    return deliver(
        &sns, 200,
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>"
        "<MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult></PublishResponse>",
        ERROR_NONE);
}

static enum outcome by_twilio(void)
{
    return deliver(&twilio, 201, "{\"sid\":\"SM0123456789abcdef0123456789abcdef\",\"status\":\"queued\"}",
                   ERROR_NONE);
}

static enum outcome by_whatsapp(void)
{
    return deliver(&whatsapp, 200, "{\"messaging_product\":\"whatsapp\",\"messages\":[{\"id\":\"wamid.x\"}]}",
                   ERROR_NONE);
}

Test(out_of_memory, of_each_provider)
{
    each_in_turn(by_sendgrid, false);
    each_in_turn(by_ses, false);
    each_in_turn(by_smtp, false);
    each_in_turn(by_sns, false);
    each_in_turn(by_twilio, false);
    each_in_turn(by_whatsapp, false);
    each_in_turn(by_template, false);
}

/* --- the other ends of connections */

static const char *server; /* its address */

static void on_mail_done(void *arg, const struct http_result *result)
{
    *(enum outcome *)arg = result->code == CURLE_OK && result->status == 250 ? RIGHT : WRONG;
}

static enum outcome send_mail(void)
{
    const struct smtp_client_options options = {.url = server,
                                                .tls = SMTP_TLS_NONE,
                                                .username = "",
                                                .ca_file = "",
                                                .connect_timeout_ms = 10000,
                                                .total_timeout_ms = 10000,
                                                .idle_timeout_ms = 1000,
                                                .reply_limit = 4096,
                                                .mail_limit = 4096};
    enum outcome outcome = REFUSED;
    struct test_loop loop;
    loop_open(&loop);
    struct smtp_client *client = smtp_client_new(&loop.uv, &options);
    struct smtp_exchange *exchange = smtp_exchange_new(client);
    buffer_text(smtp_exchange_mail(exchange), "Subject: x\r\n\r\n.x\r\n");
    smtp_exchange_start(exchange, "us@example.com", "ada@example.org", on_mail_done, &outcome);
    LOOP_UNTIL(&loop, outcome != REFUSED);
    smtp_exchange_free(exchange);
    smtp_client_free(client);
    loop_close(&loop);
    return outcome;
}

Test(out_of_memory, of_a_mail)
{
    static const struct smtp_step as_usual[] = {{NULL}};
    struct smtp_peer *peer = smtp_peer_open(as_usual);
    server = smtp_peer_url(peer);
    each_in_turn(send_mail, false);
    smtp_peer_free(peer);
}

struct asked {
    struct pg *pg;
    struct pg_params params;
    bool answered;
    enum outcome outcome;
};

static void on_answer(void *arg, struct pg_reply *reply)
{
    struct asked *asked = arg;
    asked->answered = true;
    if (reply->outcome == PG_DONE) {
        size_t length;
        char *bytes = pg_bytes(reply->rows, 0, 0, &length);
        asked->outcome = bytes && length == 2 && memcmp(bytes, "\1\2", 2) == 0 ? RIGHT : WRONG;
        PQfreemem(bytes);
    } else {
        asked->outcome = reply->outcome == PG_LOST ? RIGHT : WRONG; /* the server refuses nothing */
    }
}

static void on_up(void *arg)
{
    static const struct pg_statement statement = {.name = "s", .sql = "SELECT $1"};
    struct asked *asked = arg;
    pg_params_init(&asked->params, 4096);
    pg_array_begin(&asked->params, PG_TEXT);
    pg_array_text(&asked->params, "a");
    pg_array_end(&asked->params);
    asked->answered = !pg_call(asked->pg, &statement, &asked->params, on_answer, asked);
    pg_params_release(&asked->params);
}

/* Without a connection, or when it is lost, nobody is told anything about the statement that is not so. */
static enum outcome ask_postgres(void)
{
    struct asked asked = {.outcome = RIGHT};
    const struct pg_options options = {
        .url = server, .application_name = "x", .timeout_ms = 500, .on_up = on_up, .arg = &asked};
    struct test_loop loop;
    loop_open(&loop);
    asked.pg = pg_open(&loop.uv, &options);
    LOOP_UNTIL(&loop, asked.answered || *pg_trouble(asked.pg));
    pg_close(asked.pg);
    loop_close(&loop);
    return asked.outcome;
}

Test(out_of_memory, of_a_statement)
{
    struct pg_peer *peer = pg_peer_open("\\x0102");
    server = pg_peer_url(peer);
    log_info("the log has its memory now");
    each_in_turn(ask_postgres, false);
    pg_peer_free(peer);
}

/* --- at the start, which may fail: nothing was accepted yet */

static enum outcome load_settings(void)
{
    struct config loaded;
    struct error error = {0};
    const struct settings_source source = {.yaml_path = "/proc/self/fd/9"};
    (void)lseek(9, 0, SEEK_SET);
    if (!config_load(&source, &loaded, &error)) {
        return *error.text ? REFUSED : WRONG;
    }
    const bool right = loaded.http_port == 8081 && strcmp(loaded.kafka_properties, "client.rack=a") == 0;
    config_release(&loaded);
    return right ? RIGHT : WRONG;
}

Test(out_of_memory, of_the_settings)
{
    clearenv();
    (void)setenv("KAFKA_PROPERTIES", "client.rack=a", 1);
    const char *path = temp_file("http:\n  port: 8081\n");
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL && dup2(fileno(file), 9) == 9);
    each_in_turn(load_settings, true);
}

static enum outcome set_properties(void)
{
    struct error error;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const bool right = kafka_properties_set(conf, "client.rack=a,socket.max.fails=2", &error);
    rd_kafka_conf_destroy(conf);
    return right ? RIGHT : WRONG;
}

Test(out_of_memory, of_kafkas_properties)
{
    each_in_turn(set_properties, false);
}
