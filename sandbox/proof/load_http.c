/*
 * Messages by POST. A request is sent once: what became of one that has no answer, or a 5xx, nobody knows
 * here.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/http_client.h"
#include "base/memory.h"
#include "base/uuid.h"
#include "sandbox/proof/load_driver.h"

#define PATH "/api/v1/outbound/messages"
#define CONNECT_TIMEOUT_MS 3000
#define TIMEOUT_MS 15000 /* within OUTBOUND_STOP_TIMEOUT_MS, so that SIGTERM waits for answers */
#define RESPONSE_MAX ((size_t)16 * 1024)

struct http_driver;

/* One connection's worth of requests, one at a time. */
struct slot {
    struct http_driver *driver;
    struct http_exchange *exchange;
    struct curl_slist *headers;
    char key[LOAD_KEY_SIZE];
    struct slot *next_free;
    bool open;
};

struct http_driver {
    struct load_driver_options options;
    char url[LOAD_URL_MAX + sizeof PATH];
    struct http_client *client;
    struct slot *slots;
    size_t slot_count;
    struct slot *free;
    size_t free_count;
};

static void set_url(struct http_driver *driver)
{
    const struct config *config = driver->options.config;
    const char *given = driver->options.load->url;
    if (given) {
        const size_t length = strlen(given);
        (void)snprintf(driver->url, sizeof driver->url, "%s%s", given,
                       given[length - 1] == '/' ? PATH + 1 : PATH);
    } else {
        const char *host = strcmp(config->http_host, "0.0.0.0") == 0 ? "127.0.0.1" : config->http_host;
        (void)snprintf(driver->url, sizeof driver->url, "http://%s:%d%s", host, (int)config->http_port, PATH);
    }
}

static void *http_open(const struct load_driver_options *options, struct error *error)
{
    (void)error;
    struct http_driver *driver = NEW(struct http_driver);
    driver->options = *options;
    set_url(driver);
    const size_t count = (size_t)options->load->connections;
    const struct http_client_options client = {.connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                               .total_timeout_ms = TIMEOUT_MS,
                                               .max_connections = (unsigned)count,
                                               .response_limit = RESPONSE_MAX,
                                               .plain_http = true};
    driver->client = http_client_new(options->loop, &client);
    driver->slots = NEW_ARRAY(struct slot, count);
    driver->slot_count = driver->free_count = count;
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = &driver->slots[i];
        *slot = (struct slot){.driver = driver, .next_free = driver->free};
        driver->free = slot;
    }
    return driver;
}

static size_t http_room(const void *driver)
{
    return ((const struct http_driver *)driver)->free_count;
}

static void end_slot(struct slot *slot, struct journal_end *end, int64_t took_us)
{
    struct http_driver *driver = slot->driver;
    end->key = slot->key;
    driver->options.on_end(driver->options.arg, end, took_us);
    curl_slist_free_all(slot->headers);
    slot->headers = NULL;
    slot->open = false;
    slot->next_free = driver->free;
    driver->free = slot;
    driver->free_count++;
}

static bool is_id(const char *text)
{
    struct uuid id;
    return text && uuid_parse(text, strlen(text), &id);
}

static void on_answer(void *arg, const struct http_result *result)
{
    json_t *document =
        json_loadb(result->body->bytes ? result->body->bytes : "", result->body->length, 0, NULL);
    const char *id = json_string_value(json_object_get(document, "id"));
    const char *title = json_string_value(json_object_get(document, "title"));
    struct journal_end end = {.event = "unanswered", .status = result->status, .code = title};
    if (result->code != CURLE_OK) {
        end.status = 0;
        end.code = result->error;
    } else if (result->status == 202 && is_id(id)) {
        end.event = "accepted";
        end.id = id;
    } else if (result->status >= 400 && result->status < 500) {
        end.event = "refused";
    }
    end_slot(arg, &end, result->code == CURLE_OK ? result->duration_us : 0);
    json_decref(document);
}

static void add_header(struct slot *slot, const char *header)
{
    struct curl_slist *longer = curl_slist_append(slot->headers, header);
    if (!longer) {
        abort(); /* out of memory */
    }
    slot->headers = longer;
}

static void http_ask(void *arg, const struct load_message *message)
{
    struct http_driver *driver = arg;
    struct slot *slot = driver->free;
    driver->free = slot->next_free;
    driver->free_count--;
    slot->open = true;
    if (!slot->exchange) {
        slot->exchange = http_exchange_new(driver->client);
    }
    (void)snprintf(slot->key, sizeof slot->key, "%s", message->key);
    char header[LOAD_KEY_SIZE + 24];
    (void)snprintf(header, sizeof header, "Idempotency-Key: %s", message->key);
    add_header(slot, header);
    add_header(slot, "Content-Type: application/json");
    load_message_json(message, http_exchange_body(slot->exchange));
    const struct http_call call = {.url = driver->url, .headers = slot->headers};
    http_exchange_start(slot->exchange, &call, on_answer, slot);
}

static void http_close(void *arg)
{
    struct http_driver *driver = arg;
    for (size_t i = 0; i < driver->slot_count; i++) {
        struct slot *slot = &driver->slots[i];
        http_exchange_free(slot->exchange);
        if (slot->open) {
            end_slot(slot, &(struct journal_end){.event = "unanswered", .code = "stopped"}, 0);
        }
    }
    http_client_free(driver->client);
    free(driver->slots);
    free(driver);
}

const struct load_driver load_by_http = {
    .name = "http", .open = http_open, .room = http_room, .ask = http_ask, .close = http_close};
